"""Ablations through a head's first linear layer, of whose inputs a channel is only a few.

Where a linear layer reads the flattened activations, as in VGG, replacing channel k changes its
output by a product with k's own columns of the weight. That is hundreds of times less than the
whole product, and as exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Tensor

from ...forward.chunks import tail_chunk_size
from ...forward.counting import count
from ...forward.recording import Recording
from ...forward.tape import Call, Slot, Tape, slots_in
from .proof import flat, proved, proven_replay
from .replay import Replay

# Linear, and keep the channels apart and in order.
_CHANNELWISE = (
    *(F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d),
    *(F.avg_pool1d, F.avg_pool2d, F.avg_pool3d),
    *(torch.flatten, Tensor.flatten, F.dropout),
)


@dataclass(frozen=True)
class FirstLinear:
    """The calls up to and including the first linear layer of a tail.

    Attributes:
        recording: the forward pass.
        position: of the linear layer among the tape's calls.
        weight: that layer's weight, (O, C * p).
        replay: how the tape is run again.
    """

    recording: Recording
    position: int
    weight: Tensor
    replay: Replay

    def edits(self, values: Tensor, size: int) -> Iterator[Tensor]:
        """The linear layer's output with each channel replaced by its value (N, C).

        Yields:
            At most `size` edits (M, N, O).
        """
        raw = self.recording.raw.detach()
        plain = _run(self.recording.tape, raw, self.position + 1)
        fill = values.view(*values.shape, *[1] * (raw.ndim - 2))
        change = _run(self.recording.tape, fill - raw, self.position)
        # What a channel is of the input, and its own columns of the weight: one product for each.
        inputs = change.reshape(len(change), raw.shape[1], -1).transpose(0, 1)
        columns = self.weight.reshape(len(self.weight), raw.shape[1], -1).permute(1, 2, 0)
        for few, own in zip(torch.split(inputs, size), torch.split(columns, size), strict=True):
            yield plain + torch.bmm(few, own)

    def outputs(self, edits: Tensor) -> Any:
        """The model's outputs for M versions (M, N, O) of the linear layer's output."""
        count("tail", len(edits) * len(self.recording.images))
        return self.replay(self.recording.tape, edits, after=self.position)


def first_linear(recording: Recording) -> FirstLinear | None:
    """The first linear layer, if nothing but channelwise calls come before it; proved by a run.

    For a target layer whose channels are on axis 1.
    """
    calls = recording.tape.calls
    position = next((i for i, call in enumerate(calls) if call.function is F.linear), None)
    if position is None or recording.tape.written:
        return None
    replay = proven_replay(recording)
    weight = calls[position].args[1] if len(calls[position].args) > 1 else None
    chained = all(_follows(calls, i) for i in range(position + 1))
    plain = all(call.function in _CHANNELWISE for call in calls[:position])
    if not (plain and chained and isinstance(weight, Tensor) and replay):
        return None
    read = _run(recording.tape, recording.raw.detach(), position)
    if read.ndim != 2 or read.shape[1] % recording.raw.shape[1]:
        return None  # it reads something else than one row of channels for each image
    leading = FirstLinear(recording, position, weight, replay)
    return leading if proved(recording, "leading linear", _error(leading)) else None


def _error(leading: FirstLinear) -> Callable[[Recording, Tensor, Tensor], float]:
    def error(recording: Recording, edited: Tensor, slow: Tensor) -> float:
        raw = recording.raw.detach()
        if _run(recording.tape, raw, leading.position).ndim != 2:
            return torch.inf  # the layer reads the last axis alone, not all there is of a channel
        # The edits on trial are this way's own: channel 0, then the last one, set to zero.
        values = torch.zeros(edited.shape[:2], dtype=edited.dtype, device=edited.device)
        found = [edits[[0, -1]] for edits in leading.edits(values, tail_chunk_size(raw))]
        fast = flat(leading.outputs(torch.stack([found[0][0], found[-1][1]])), 2)
        edits = torch.stack([_without(raw, 0), _without(raw, -1)])
        exact = flat(leading.replay(recording.tape, edits), 2)
        return float((fast - exact).abs().max())

    return error


def _without(raw: Tensor, channel: int) -> Tensor:
    edited = raw.clone()
    edited[:, channel] = 0
    return edited


def _follows(calls: list[Call], index: int) -> bool:
    """Whether a call reads the one before it, first and only, and nobody else reads that."""
    source = calls[index - 1].results if index else (0,)
    used = slots_in([(call.args, call.kwargs) for call in calls[index:]])
    return calls[index].args[:1] == (Slot(source[0]),) and used.count(source[0]) == 1


def _run(tape: Tape, activations: Tensor, count: int) -> Tensor:
    for call in tape.calls[:count]:
        activations = call.function(activations, *call.args[1:], **call.kwargs)
    return activations
