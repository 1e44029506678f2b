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
    if positions is None:
        yield from (raw * _mean_factor(recording, mask, rank) for mask in masks)
        return
    for mask in masks:
        # Number 0 stands for no position, and has the factor 1.
        yield raw * torch.cat([mask.new_ones(1), mask.flatten()]).to(raw)[positions]


def _mean_factor(recording: Recording, mask: Tensor, rank: int) -> Tensor:
    """A mask's mean over the positions at which each value of the output stands; 1 at none."""
    with torch.enable_grad():
        leaf = torch.zeros_like(recording.raw, requires_grad=True)
        grid = as_grid(recording.adapter, leaf, rank)
        factors = mask.to(grid).expand(grid.shape)
        (sums,) = torch.autograd.grad(grid, leaf, factors, retain_graph=True)
        (counts,) = torch.autograd.grad(grid, leaf, torch.ones_like(grid))
    return torch.where(counts > 0, sums / counts.clamp(min=1), torch.ones_like(sums))


def _positions(recording: Recording, rank: int) -> Tensor | None:
    """The number of the position of each value of the output, counted from 1.

    None where a value stands at several positions, as a token of a thumbnail does.

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
        if _several(recording, rank):
            return None
        raise LayerError(
            f"cannot tell which values of layer {recording.layer!r} are at which position: its "
            f"reshape changes them; pass a reshape_transform= that only moves values"
        )
    return (positions[:1] if row_axis(recording) == 0 else positions).long()


def _several(recording: Recording, rank: int) -> bool:
    """Whether the reshape moves values, and some of them to several positions."""
    raw = recording.raw
    numbers = torch.arange(1, raw.numel() + 1, dtype=torch.float64, device=raw.device)
    with torch.enable_grad():
        leaf = numbers.view(raw.shape).requires_grad_()
        grid = as_grid(recording.adapter, leaf, rank)
        (counts,) = torch.autograd.grad(grid, leaf, torch.ones_like(grid))
    placed = grid.detach()
    if not torch.equal(placed, placed.round().clamp(1, raw.numel())):
        return False
    seen = placed.long().flatten().bincount(minlength=raw.numel() + 1)[1:]
    return torch.equal(seen.to(counts), counts.flatten()) and bool((counts > 1).any())
