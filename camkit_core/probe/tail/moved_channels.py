"""Ablations where no axis of the layer's output holds the channels, or the images.

So it is with tokens of all images in one row, and with tiles of an image whose channels stand
beside those of its thumbnail. The reshape tells which channel each value belongs to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from ...adapter import as_grid, channel_axis
from ...errors import LayerError
from ...forward.recording import Recording
from ..rows import row_axis


def whole_axes(recording: Recording) -> tuple[int | None, int]:
    """The axes of the channels and of the images; None and 0 where values are moved about."""
    rank, raw = recording.images.ndim - 2, recording.raw.detach()
    stated, rows = recording.adapter.channel_axis, row_axis(recording)
    if rows is None and stated is None:
        return None, 0
    try:
        return channel_axis(recording.adapter, raw, rank), rows or 0
    except LayerError:
        _channels(recording, rank)  # refuses a reshape that mixes channels
        return None, 0


def ablations_through_reshape(
    recording: Recording, values: Tensor, size: int, chosen: Tensor | None = None
) -> Iterator[Tensor]:
    """The layer's output without channel 0, without channel 1, ..., in chunks (M, ...).

    Args:
        recording: the forward pass.
        values: what the grid's channels are replaced by (N, C).
        size: edits in a chunk.
        chosen: for each image its own channels (N, M), in place of all of them.

    Raises:
        LayerError: if the reshape mixes channels.
    """
    raw, count = recording.raw.detach(), values.shape[1]
    numbers = _channels(recording, recording.images.ndim - 2)
    # Number 0 stands for no channel, and keeps its value.
    places = (numbers - 1).clamp(min=0)
    image, channel = places // count, torch.where(numbers > 0, places % count, -1)
    filled = values.flatten()[places].to(raw)
    if chosen is None:
        chosen = torch.arange(count, device=raw.device).expand(len(values), count)
    for channels in torch.split(chosen, size, dim=1):
        yield torch.where(channel == channels.T[:, image], filled, raw)


def with_vectors(recording: Recording, vectors: Iterable[Tensor]) -> Iterator[Tensor]:
    """The layer's output with the same activations at every position of the grid.

    Values at no position, such as the class token, are kept.

    Args:
        recording: the forward pass.
        vectors: each (N, C), the activations of each image.

    Raises:
        LayerError: if the reshape mixes channels.
    """
    raw, numbers = recording.raw.detach(), _channels(recording, recording.images.ndim - 2)
    places = (numbers - 1).clamp(min=0)
    for vector in vectors:
        yield torch.where(numbers > 0, vector.flatten()[places].to(raw), raw)


def _channels(recording: Recording, rank: int) -> Tensor:
    """The number of the image and channel of each value of the output, counted from 1; 0 if none.

    Raises:
        LayerError: if the reshape mixes channels.
    """
    # The reshape's backward pass carries numbers from the grid back to the layer's output. A value
    # that stands at several positions gets the sum, so it is divided by their count.
    with torch.enable_grad():
        leaf = torch.zeros_like(recording.raw, dtype=torch.float64, requires_grad=True)
        grid = as_grid(recording.adapter, leaf, rank)
        numbers = torch.arange(1, grid.shape[0] * grid.shape[1] + 1, device=grid.device).to(grid)
        numbers = numbers.view(*grid.shape[:2], *[1] * rank).expand(grid.shape)
        (sums,) = torch.autograd.grad(grid, leaf, numbers, retain_graph=True)
        (counts,) = torch.autograd.grad(grid, leaf, torch.ones_like(grid))
    found = sums / counts.clamp(min=1)
    if not torch.equal(as_grid(recording.adapter, found, rank), numbers):
        raise LayerError(
            f"cannot tell which axis of the layer's output {tuple(recording.raw.shape)} holds the "
            f"channels; pass adapter=Adapter(layer, reshape, channel_axis=...)"
        )
    return found.long()
