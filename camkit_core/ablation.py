"""Edits of the target layer's output that replace one channel at a time."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor


def ablations(raw: Tensor, axis: int, values: Tensor, size: int) -> Iterator[Tensor]:
    """The layer's output without channel 0, without channel 1, ..., in chunks.

    Args:
        raw: the layer's output (N, ...).
        axis: where its C channels are.
        values: what stands in their place (N, C).
        size: edits in a chunk.

    Yields:
        At most `size` edits (M, N, ...).
    """
    rest = [1] * (raw.ndim - 2)
    for channels in torch.split(torch.arange(raw.shape[axis], device=raw.device), size):
        edits = raw.expand(len(channels), *raw.shape).clone()
        edit = torch.arange(len(channels), device=raw.device)
        edits.movedim(axis + 1, 1)[edit, channels] = values.T[channels].reshape(-1, len(raw), *rest)
        yield edits
