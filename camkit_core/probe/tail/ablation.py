"""Ablations: one channel at a time replaced, scored in closed form or by tail runs of the edits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ...forward.recording import Recording
from ...inputs.targets.scores import Targets
from ...maps import full
from ..rows import row_axis
from .affine import proved_affine
from .first_linear import first_linear
from .proof import unmoved
from .token_ablation import token_ablation


def ablation_is_affine(recording: Recording, targets: Targets, values: Tensor) -> bool:
    """Whether the scores are known to be affine in an ablated layer's output.

    Then each score changes by the gradient times the change of the output, and no run is needed.

    Args:
        recording: the forward pass.
        targets: one score function for each image.
        values: what the channels are replaced by (N, C).
    """
    positive = bool((recording.raw > 0).all() and (values >= 0).all())
    if targets.classes is None:
        return False
    return proved_affine(recording, positive) or unmoved(recording)


def ablated_in_closed_form(
    scores: Tensor, gradients: Tensor, raw: Tensor, axis: int, values: Tensor
) -> Tensor:
    """The score of each ablation (N, C), where the scores are affine in the layer's output.

    Each is the score plus the sum, over the channel's positions, of gradient times change.

    Args:
        scores: of the images as they are (N,).
        gradients: of the scores, of the layer's output's shape.
        raw: the layer's output (N, ...).
        axis: where its C channels are.
        values: what the channels are replaced by (N, C).
    """
    changes = values[:, :, None] - raw.movedim(axis, 1).flatten(2)
    return scores[:, None] + full(gradients.movedim(axis, 1).flatten(2) * changes).sum(2)


def rows_first(output: Tensor, images: int, channels: int) -> tuple[Tensor, int]:
    """An output whose images and channels lie on these axes as (N, ...), and its channels' axis."""
    return output.movedim(images, 0), channels + (channels < images)


def ablation_runs(
    recording: Recording,
    axis: int,
    values: Tensor,
    size: Callable[[Tensor], int],
    at_layer: bool = False,
) -> tuple[Iterator[Tensor], Callable[[Tensor], Any] | None]:
    """Chunks of edits (M, ...), and a function from a chunk to outputs; None for tail runs.

    The edits are of the output of the head's first linear layer where that is exact, and of the
    target layer's output elsewhere.

    Args:
        recording: the forward pass.
        axis: where the layer's C channels are.
        values: what the channels are replaced by (N, C).
        size: how many edits of a tensor like the given one are run at once.
        at_layer: whether the edits must be of the target layer's output.
    """
    raw, images = recording.raw.detach(), row_axis(recording) or 0
    if images:
        edits = ablations(*rows_first(raw, images, axis), values, size(raw))
        return (chunk.movedim(1, images + 1) for chunk in edits), None
    if axis == raw.ndim - 1 and not at_layer and (tokens := token_ablation(recording)):
        every = torch.arange(raw.shape[axis], device=raw.device)
        return iter(torch.split(every, size(tokens.example))), partial(tokens.outputs, values)
    linear = first_linear(recording) if axis == 1 and not at_layer else None
    if linear is None:
        return ablations(raw, axis, values, size(raw)), None
    most = size(raw.new_empty(1, len(linear.weight)))
    return linear.edits(values, most), linear.outputs


def ablations(raw: Tensor, axis: int, values: Tensor, size: int) -> Iterator[Tensor]:
    """The layer's output without channel 0, without channel 1, ..., in chunks.

    Args:
        raw: the layer's output (N, ...).
        axis: where its C channels are.
        values: what the channels are replaced by (N, C).
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


def few_ablations(
    raw: Tensor, images: int, axis: int, values: Tensor, chosen: Tensor, size: int
) -> Iterator[Tensor]:
    """The layer's output without each image's first channel of some, its second, ..., in chunks.

    Args:
        raw: the layer's output.
        images: the axis of its images.
        axis: that of its C channels.
        values: what the channels are replaced by (N, C).
        chosen: each image's channels (N, M).
        size: edits in a chunk.

    Yields:
        At most `size` edits (M, ...) in the output's layout.
    """
    rows, channel = rows_first(raw, images, axis)
    image = torch.arange(len(rows), device=raw.device)
    for channels in torch.split(chosen, size, dim=1):
        edits = rows.expand(channels.shape[1], *rows.shape).clone()
        edit = torch.arange(len(edits), device=raw.device)[:, None]
        filled = values[image, channels.T].view(*edits.shape[:2], *[1] * (raw.ndim - 2))
        edits.movedim(channel + 1, 2)[edit, image, channels.T] = filled
        yield edits.movedim(1, images + 1)
