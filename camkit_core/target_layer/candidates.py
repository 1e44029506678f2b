"""Every layer whose output is a grid over the image, found by one forward and backward pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..forward.chunks import out_of_memory
from ..inputs.prepare import Inputs
from .hints import Hints, hints_of
from .layout import Layout
from .scan import Scan, scan


@dataclass(frozen=True)
class Candidate:
    """A layer whose output is a grid over the image.

    Attributes:
        name: its dotted name.
        shape: of its output for one image.
        layout: how that is a grid.
        differentiable: whether the model's output depends on it in a way that autograd can follow.
        gradient_coverage: the share of the grid's positions at which the top class has a gradient;
            None where there are no values, as on the meta device.
        classes: whether its channels are the classes, so that the top class has one to itself.
    """

    name: str
    shape: tuple[int, ...]
    layout: Layout
    differentiable: bool
    gradient_coverage: float | None
    classes: bool

    @property
    def channels(self) -> int:
        """How many channels the grid has."""
        return self.layout.channels(self.shape)


def find_candidates(inputs: Inputs) -> list[Candidate]:
    """The candidates, in the order in which the layers end, from a pass of the first image.

    To be called where the model is left `untouched`.
    """
    return scan_layers(inputs, hints_of(inputs.model, inputs.images))[0]


def scan_layers(inputs: Inputs, hints: Hints) -> tuple[list[Candidate], Scan]:
    """The candidates, from gradients; where memory does not allow a graph, from shapes alone.

    Args:
        inputs: the caller leaves their model `untouched`; the first image is passed.
        hints: what the model states about its grids.

    Raises:
        RuntimeError: what the model raises, if it is not about memory.
    """
    try:
        scanned = scan(inputs, hints)
        return _candidates(scanned), scanned
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
    # After the error is forgotten, and with it the memory that its frames hold.
    scanned = scan(inputs, hints, graph=False)
    return _candidates(scanned), scanned


def _candidates(scanned: Scan) -> list[Candidate]:
    if not scanned.grids:
        return []
    outputs = [output for output, _ in scanned.grids.values()]
    gradients: Sequence[Tensor | None] = outputs  # without a graph, for their shapes
    if outputs[0].requires_grad:
        if not scanned.score.requires_grad:
            return []
        gradients = torch.autograd.grad(scanned.score, outputs, allow_unused=True)
    return [
        _candidate(name, output.shape, layout, gradient, scanned.classes)
        for (name, (output, layout)), gradient in zip(scanned.grids.items(), gradients, strict=True)
    ]


def _candidate(
    name: str, shape: Sequence[int], layout: Layout, gradient: Tensor | None, classes: int | None
) -> Candidate:
    if gradient is None:
        return Candidate(name, tuple(shape), layout, False, 0.0, False)
    grid = (layout.reshape(gradient) if layout.reshape else gradient)[0]
    if grid.is_meta:
        return Candidate(name, tuple(shape), layout, True, None, len(grid) == classes)
    nonzero = grid != 0
    coverage = float(nonzero.any(0).float().mean())
    channels = int(nonzero.flatten(1).any(1).sum())
    alone = len(grid) > 1 and channels == 1 if channels else len(grid) == classes
    return Candidate(name, tuple(shape), layout, True, coverage, alone)
