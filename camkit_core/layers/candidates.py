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
from ..inputs.prepare import Inputs
from ..inputs.targets.classification import class_logits, found_logits
from ..pytree import first_tensor, replace_first, tensors_in
from .hints import Hints, hints_of
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
class Scan:
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


def find_candidates(inputs: Inputs) -> list[Candidate]:
    """The candidates, in the order in which the layers end, from a pass of the first image.

    To be called where the model is left `untouched`.
    """
    return scan_layers(inputs, hints_of(inputs.model, inputs.images))[0]


def scan_layers(inputs: Inputs, hints: Hints) -> tuple[list[Candidate], Scan]:
    """The candidates, from gradients; where memory does not allow a graph, from shapes alone.

    Args:
        inputs: their model is left `untouched` by the caller; the first image is passed.
        hints: what the model states about its grids.

    Raises:
        RuntimeError: what the model raises, if it is not about memory.
    """
    try:
        scan = _forward(inputs, hints)
        return _candidates(scan), scan
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
    scan = _forward(inputs, hints, graph=False)
    return _candidates(scan), scan


def _forward(inputs: Inputs, hints: Hints, graph: bool = True) -> Scan:
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
            layout = hints.slid(module, found.shape) or hints.layout(found.shape, latest)
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

    leaf = inputs.images[:1].detach().clone().requires_grad_(graph)
    with torch.set_grad_enabled(graph), ExitStack() as stack:
        for name, module in inputs.model.named_modules():
            if name:
                stack.enter_context(hooked(module, note(name)))
        output = inputs.forward_args.call(inputs.model, leaf.clone(), image=0)
        score = _score(output)
    once = {name: first for name, (first, *more) in runs.items() if not more}
    logits = found_logits(output)
    grids = {name: grids[name] for name in grids if name in once}
    if graph:
        grids = {name: grid for name, grid in grids.items() if grid[0].requires_grad}
    return Scan(once, grids, score, _classes(logits, grids.values()))


def _classes(logits: Tensor | None, grids: Iterable[tuple[Tensor, Layout]]) -> int | None:
    """How many classes there are; None if most layers have as many channels, which says nothing."""
    if logits is None:
        return None
    layers = [grid.shape[1 if layout.channels_first else -1] for grid, layout in grids]
    return None if layers.count(logits.shape[1]) > len(layers) / 4 + 2 else logits.shape[1]


def _candidates(scan: Scan) -> list[Candidate]:
    if not scan.grids:
        return []
    outputs = [output for output, _ in scan.grids.values()]
    gradients: Sequence[Tensor | None] = outputs
    if outputs[0].requires_grad:
        if not scan.score.requires_grad:
            return []
        gradients = torch.autograd.grad(scan.score, outputs, allow_unused=True)
    return [
        _candidate(name, output.shape, layout, gradient, scan.classes)
        for (name, (output, layout)), gradient in zip(scan.grids.items(), gradients, strict=True)
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
