"""A target layer for models that no adapter knows, found by one forward and backward pass.

Every layer whose output is a grid over the image is a candidate. Of those whose gradient reaches
the whole grid, the last one outside attention and MLP, and before maps of the classes, is taken:
the norm before a transformer's last attention, or the last stage of a convolutional network.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from .adapter import Adapter
from .chunks import out_of_memory
from .companions import ALONE, Companions
from .contexts import hooked
from .errors import TargetError
from .layers import no_adapter
from .layouts import Layout
from .stated import Stated, stated
from .targets import class_logits, found_logits
from .trees import first_tensor, replace_first, tensors_in

REACHED = 0.9  # of a grid's places must have a gradient
_ATTENTION = r"att(n|ention)"
_INNER = _ATTENTION + r"|mlp|ffn|feed_?forward"


@dataclass(frozen=True)
class Candidate:
    """A layer whose output is a grid over the image.

    Attributes:
        name: its dotted name.
        shape: of its output for one image.
        layout: how that is a grid.
        connected: whether the output depends on it in a way that autograd can follow.
        reach: the share of the grid's places that the top class has a gradient at; None where
            there are no values, as on the meta device.
        classes: whether its channels are the classes, so that the top class has one to itself.
    """

    name: str
    shape: tuple[int, ...]
    layout: Layout
    connected: bool
    reach: float | None
    classes: bool

    @property
    def channels(self) -> int:
        """How many channels the grid has."""
        return self.shape[1 if self.layout.channels_first else -1]


@dataclass(frozen=True)
class Pass:
    """One forward pass of one image.

    Attributes:
        shapes: of the output of each layer that ran once.
        grids: of these the outputs that are grids, and how.
        score: what the model is asked to explain.
        classes: how many there are, if it gives class scores.
    """

    shapes: dict[str, tuple[int, ...]]
    grids: dict[str, tuple[Tensor, Layout]]
    score: Tensor
    classes: int | None


def survey(model: nn.Module, images: Tensor, companions: Companions = ALONE) -> list[Candidate]:
    """The candidates, in the order in which the layers end, from a pass of the first image.

    To be called where the model is left `untouched` (contexts.py).
    """
    return _search(model, images, stated(model, images), companions)[0]


def _search(
    model: nn.Module, images: Tensor, said: Stated, companions: Companions
) -> tuple[list[Candidate], Pass]:
    """The candidates, from gradients; where memory does not allow a graph, from shapes alone."""
    try:
        seen = _forward(model, images, said, companions)
        return _candidates(seen), seen
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
    seen = _forward(model, images, said, companions, graph=False)
    return _candidates(seen), seen


def _forward(
    model: nn.Module, images: Tensor, said: Stated, companions: Companions, graph: bool = True
) -> Pass:
    runs: dict[str, list[tuple[int, ...]]] = {}
    grids: dict[str, tuple[Tensor, Layout]] = {}
    latest: tuple[int, ...] = ()

    def note(name: str) -> Any:
        def hook(module: nn.Module, args: Any, output: Any) -> Any:
            nonlocal latest
            found = first_tensor(output)
            runs.setdefault(name, []).append(() if found is None else tuple(found.shape))
            if found is None or len(found) != 1:
                return output
            layout = said.slid(module, found.shape) or said.layout(found.shape, latest)
            if layout is None:
                if found.ndim == 3 and min(found.shape[1:]) > 1:
                    latest = ()  # what follows may keep this one's axes, which nobody knows
                return output
            latest = found.shape[1 if layout.channels_first else -1], *layout.grid
            if not graph:
                grids[name] = torch.empty_like(found, device="meta"), layout
                return output
            # The gradient that counts is that of what the layer hands on; a copy of it is handed
            # on, as what follows may change that in place.
            kept = found.clone()
            grids[name] = kept, layout
            return replace_first(output, kept.clone())

        return hook

    leaf = images[:1].detach().clone().requires_grad_(graph)
    with torch.set_grad_enabled(graph), ExitStack() as stack:
        for name, module in model.named_modules():
            if name:
                stack.enter_context(hooked(module, note(name)))
        output = companions.call(model, leaf.clone(), image=0)
        score = _score(output)
    once = {name: first for name, (first, *more) in runs.items() if not more}
    logits = found_logits(output)
    grids = {name: grids[name] for name in grids if name in once}
    if graph:
        grids = {name: grid for name, grid in grids.items() if grid[0].requires_grad}
    return Pass(once, grids, score, _classes(logits, grids.values()))


def _classes(logits: Tensor | None, grids: Iterable[tuple[Tensor, Layout]]) -> int | None:
    """How many classes there are; None if most layers have as many channels, which says nothing."""
    if logits is None:
        return None
    layers = [grid.shape[1 if layout.channels_first else -1] for grid, layout in grids]
    return None if layers.count(logits.shape[1]) > len(layers) / 4 + 2 else logits.shape[1]


def _candidates(seen: Pass) -> list[Candidate]:
    if not seen.grids:
        return []
    outputs = [output for output, _ in seen.grids.values()]
    gradients: Sequence[Tensor | None] = outputs
    if outputs[0].requires_grad:
        if not seen.score.requires_grad:
            return []
        gradients = torch.autograd.grad(seen.score, outputs, allow_unused=True)
    return [
        _candidate(name, output.shape, layout, gradient, seen.classes)
        for (name, (output, layout)), gradient in zip(seen.grids.items(), gradients, strict=True)
    ]


def _candidate(
    name: str, shape: Sequence[int], layout: Layout, gradient: Tensor | None, classes: int | None
) -> Candidate:
    if gradient is None:
        return Candidate(name, tuple(shape), layout, False, 0.0, False)
    grid = (layout.reshape(gradient) if layout.reshape else gradient)[0]
    if grid.is_meta:
        return Candidate(name, tuple(shape), layout, True, None, len(grid) == classes)
    reached = grid != 0
    share = float(reached.any(0).float().mean())
    channels = int(reached.flatten(1).any(1).sum())
    alone = len(grid) > 1 and channels == 1 if channels else len(grid) == classes
    return Candidate(name, tuple(shape), layout, True, share, alone)


def pick(candidates: Sequence[Candidate], model: nn.Module) -> Candidate | None:
    """The candidate to explain; None if there is none that the gradient reaches.

    Where it is unknown, or zero everywhere as behind a head of zeros, the shapes alone decide.
    """
    shortlist = _shortlist(candidates, model)
    return shortlist[-1] if shortlist else None


def _shortlist(candidates: Sequence[Candidate], model: nn.Module) -> list[Candidate]:
    connected = [one for one in candidates if one.connected]
    if not any(one.reach for one in connected):
        return _by_shape(connected, model)
    sound = [one for one in connected if one.reach and one.reach >= REACHED]
    before = [one for one in sound if not one.classes] or sound
    return [one for one in before if not _inside(_INNER, one.name, model)] or before


def _by_shape(connected: list[Candidate], model: nn.Module) -> list[Candidate]:
    before = [one for one in connected if not one.classes]
    outside = [one for one in before if not _inside(_INNER, one.name, model)]
    if outside and outside[-1].layout.prefix:
        # The head may read the class token alone, which the last attention tells of the others.
        attending = [_inside(_ATTENTION, one.name, model) for one in connected]
        last = max((at for at, within in enumerate(attending) if within), default=len(connected))
        outside = [one for one in outside if one in connected[:last]] or outside
    return outside or before or connected


_picked: WeakKeyDictionary[nn.Module, dict[tuple[int, ...], tuple[Candidate, str]]]
_picked = WeakKeyDictionary()


def automatic_adapter(
    model: nn.Module, images: Tensor, companions: Companions = ALONE
) -> tuple[Adapter, str]:
    """The adapter found for a model, and why it is that; remembered for each image size.

    To be called where the model is left `untouched` (contexts.py).

    Raises:
        NoAdapter: if no layer is found, with the last ones whose output could be a map.
    """
    known = _picked.setdefault(model, {})
    size = tuple(images.shape[1:])
    if size not in known:
        known[size] = _found(model, images, companions)
    found, why = known[size]
    return Adapter(model.get_submodule(found.name), found.layout.reshape), why


def _found(model: nn.Module, images: Tensor, companions: Companions) -> tuple[Candidate, str]:
    said = stated(model, images)
    candidates, seen = _search(model, images, said, companions)
    shortlist = _shortlist(candidates, model)
    if not shortlist:
        raise no_adapter(model, seen.shapes)
    found = shortlist[-1]
    own = ", as the model states" if said.states(found.layout) else ""
    by = f"its gradient reaches {found.reach:.0%} of it" if found.reach else "by its shape alone"
    return found, f"automatic: {found.layout}{own}, {by}; the last of {len(shortlist)} such layers"


def _score(output: Any) -> Tensor:
    try:
        return class_logits(output).amax()
    except TargetError:
        pass
    floating = [t for t in tensors_in(output) if t.is_floating_point() and t.requires_grad]
    squares = [(tensor.float() ** 2).sum() for tensor in floating]
    return torch.stack(squares).sum() if squares else torch.zeros(())


def _inside(pattern: str, name: str, model: nn.Module) -> bool:
    parts = name.split(".")[:-1]
    parents = [".".join(parts[: depth + 1]) for depth in range(len(parts))]
    return any(
        re.search(pattern, f"{part} {type(model.get_submodule(parent)).__name__}", re.IGNORECASE)
        for part, parent in zip(parts, parents, strict=True)
    )
