"""Edits of the target layer's output that replace one channel at a time, and what they score."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from ...forward.recording import Recording
from ...inputs.targets.scores import Targets
from .affine import in_closed_form
from .first_linear import first_linear


def drops_in_closed_form(
    recording: Recording, targets: Targets, axis: int, values: Tensor
) -> Callable[[Tensor], Tensor] | None:
    """From the gradient at `raw` to the change of each score by each ablation, (N, C).

    None where the scores are not known to be affine in the layer's output.
    """
    raw = recording.raw.detach()
    positive = bool((raw > 0).all() and (values >= 0).all())
    if targets.classes is None or not in_closed_form(recording, positive):
        return None
    change = values[:, :, None] - raw.movedim(axis, 1).flatten(2)
    return lambda gradient: gradient.movedim(axis, 1).flatten(2) * change


def ablation_runs(
    recording: Recording, axis: int, values: Tensor, size: Callable[[Tensor], int]
) -> tuple[Iterator[Tensor], Callable[[Tensor], Any] | None]:
    """Chunks of edits (M, ...), and how they are run where not as tails from the layer.

    Args:
        recording: the forward pass.
        axis: where the layer's C channels are.
        values: what stands in their place (N, C).
        size: how many edits of a tensor like this one are run at once.
    """
    raw = recording.raw.detach()
    if leading := first_linear(recording) if axis == 1 else None:
        most = size(raw.new_empty(1, len(leading.weight)))
        return leading.edits(values, most), leading.outputs
    return ablations(raw, axis, values, size(raw)), None


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
