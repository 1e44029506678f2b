"""Edits of the target layer's output that change whole positions of the grid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from ...adapter import as_grid
from ...errors import LayerError
from ...forward.recording import Recording


def masked(recording: Recording, masks: Iterable[Tensor], rank: int) -> Iterator[Tensor]:
    """The layer's output (N, ...) with the activations at each position times a mask's value.

    What is at no position, as the class token, stays as it is.

    Args:
        recording: the forward pass.
        masks: (h, w), for all images.
        rank: how many axes the grid has.

    Raises:
        LayerError: if the reshape does more than move values.
    """
    raw, places = recording.raw.detach(), _places(recording, rank)
    for mask in masks:
        # What is at no position has place 0, and a factor of one.
        yield raw * torch.cat([mask.new_ones(1), mask.flatten()]).to(raw)[places]


def _places(recording: Recording, rank: int) -> Tensor:
    """At which position each value of an image's output is, counted from 1: (1, ...)."""
    # The transpose of the reshape, which autograd knows, carries numbered positions back.
    with torch.enable_grad():
        leaf = torch.zeros_like(recording.raw[:1], dtype=torch.float64, requires_grad=True)
        grid = as_grid(recording.adapter, leaf, rank)
        numbers = torch.arange(1, grid[0, 0].numel() + 1, device=grid.device).to(grid)
        numbers = numbers.view(grid.shape[2:]).expand(grid.shape)
        (places,) = torch.autograd.grad(grid, leaf, numbers)
    if not torch.equal(as_grid(recording.adapter, places, rank), numbers):
        raise LayerError(
            f"cannot tell which values of layer {recording.layer!r} are at which position: its "
            f"reshape changes them; pass a reshape_transform= that only moves values"
        )
    return places.long()
