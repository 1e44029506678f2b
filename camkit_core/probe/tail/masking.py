"""Masks: edits of the target layer's output that scale whole positions of the grid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from ...adapter import as_grid
from ...errors import LayerError
from ...forward.recording import Recording
from ..rows import row_axis


def masked(recording: Recording, masks: Iterable[Tensor], rank: int) -> Iterator[Tensor]:
    """The layer's output (N, ...) with the activations at each position times a mask's value.

    Values at no position, such as the class token, are kept.

    Args:
        recording: the forward pass.
        masks: each (h, w), for all images.
        rank: how many axes the grid has.

    Raises:
        LayerError: if the reshape does more than move values.
    """
    raw, positions = recording.raw.detach(), _positions(recording, rank)
    for mask in masks:
        # Number 0 stands for no position, and has the factor 1.
        yield raw * torch.cat([mask.new_ones(1), mask.flatten()]).to(raw)[positions]


def _positions(recording: Recording, rank: int) -> Tensor:
    """The number of the position of each value of the output, counted from 1.

    Values at no position have the number 0. Of an output (N, ...) the numbers of one image, which
    stand for all: (1, ...).
    """
    # The reshape's backward pass carries numbers from the grid back to the layer's output.
    with torch.enable_grad():
        leaf = torch.zeros_like(recording.raw, dtype=torch.float64, requires_grad=True)
        grid = as_grid(recording.adapter, leaf, rank)
        numbers = torch.arange(1, grid[0, 0].numel() + 1, device=grid.device).to(grid)
        numbers = numbers.view(grid.shape[2:]).expand(grid.shape)
        (positions,) = torch.autograd.grad(grid, leaf, numbers)
    if not torch.equal(as_grid(recording.adapter, positions, rank), numbers):
        raise LayerError(
            f"cannot tell which values of layer {recording.layer!r} are at which position: its "
            f"reshape changes them; pass a reshape_transform= that only moves values"
        )
    return (positions[:1] if row_axis(recording) == 0 else positions).long()
