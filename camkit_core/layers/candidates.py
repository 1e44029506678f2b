"""One forward and backward pass that finds every layer whose output is a grid over the image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import TargetError
from ..forward.chunks import out_of_memory
from ..forward.untouched import hooked
from ..inputs.forward_args import ALONE, Companions
from ..inputs.targets.classification import class_logits, found_logits
from ..pytree import first_tensor, replace_first, tensors_in
from .hints import Stated, stated
from .layout import Layout


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
    return search(model, images, stated(model, images), companions)[0]


def search(
    model: nn.Module, images: Tensor, said: Stated, companions: Companions
) -> tuple[list[Candidate], Pass]:
    """The candidates, from gradients; where memory does not allow a graph, from shapes alone.

    Args:
        model: left `untouched` (contexts.py) by the caller.
        images: (N,C,H,W) or another rank; the first is passed.
        said: what the model states about its grids.
        companions: what goes with the images.

    Raises:
        RuntimeError: what the model raises, if it is not about memory.
    """
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


def _score(output: Any) -> Tensor:
    try:
        return class_logits(output).amax()
    except TargetError:
        pass
    floating = [t for t in tensors_in(output) if t.is_floating_point() and t.requires_grad]
    squares = [(tensor.float() ** 2).sum() for tensor in floating]
    return torch.stack(squares).sum() if squares else torch.zeros(())
