"""Ablations as edits of the output of the head's first linear layer.

Where a linear layer reads the flattened activations, as in VGG, a channel is a few of its inputs.
Replacing channel k changes the layer's output by a product with k's columns of the weight. That is
hundreds of times less work than the whole product, and as exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Tensor

from ...forward.chunks import tail_chunk_size
from ...forward.counting import count
from ...forward.recording import Recording
from ...forward.tape import Call, Slot, Tape, slots_in
from .full_runs import flat, largest
from .proof import proved, proven_replay
from .replay import Replay

# Linear functions that keep the channels apart and in order.
_CHANNELWISE = (
    F.adaptive_avg_pool1d,
    F.adaptive_avg_pool2d,
    F.adaptive_avg_pool3d,
    F.avg_pool1d,
    F.avg_pool2d,
    F.avg_pool3d,
    F.dropout,
    torch.flatten,
    Tensor.flatten,
)


@dataclass(frozen=True)
class FirstLinear:
    """The first linear layer of a tail, with the calls before it.

    Attributes:
        recording: the forward pass.
        position: of the linear layer among the tape's calls.
        weight: the linear layer's weight, (O, C * p), of p inputs for each channel.
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
        plain = _run_first(self.position + 1, self.recording.tape, raw)
        fill = values.view(*values.shape, *[1] * (raw.ndim - 2))
        change = _run_first(self.position, self.recording.tape, fill - raw)
        # One product for each channel: the change of its inputs (N, p) with its columns (p, O).
        changes = change.reshape(len(change), raw.shape[1], -1).transpose(0, 1)
        columns = self.weight.reshape(len(self.weight), raw.shape[1], -1).permute(1, 2, 0)
        chunks = zip(torch.split(changes, size), torch.split(columns, size), strict=True)
        for chunk_of_changes, chunk_of_columns in chunks:
            yield plain + torch.bmm(chunk_of_changes, chunk_of_columns)

    def outputs(self, edits: Tensor) -> Any:
        """The model's outputs for M versions (M, N, O) of the linear layer's output."""
        count("tail", len(edits) * len(self.recording.images))
        return self.replay(self.recording.tape, edits, after=self.position)


def first_linear(recording: Recording) -> FirstLinear | None:
    """The first linear layer, if only channelwise calls come before it; proved by a run.

    For a target layer whose channels are on axis 1.
    """
    calls = recording.tape.calls
    position = next((i for i, call in enumerate(calls) if call.function is F.linear), None)
    if position is None or recording.tape.written:
        return None
    replay = proven_replay(recording)
    weight = calls[position].args[1] if len(calls[position].args) > 1 else None
    chained = all(_follows(calls, i) for i in range(position + 1))
    channelwise = all(call.function in _CHANNELWISE for call in calls[:position])
    if not (channelwise and chained and isinstance(weight, Tensor) and replay):
        return None
    inputs = _run_first(position, recording.tape, recording.raw.detach())
    if inputs.ndim != 2 or inputs.shape[1] % recording.raw.shape[1]:
        return None  # the inputs are not one row of all channels for each image
    linear = FirstLinear(recording, position, weight, replay)
    return linear if proved(recording, "first linear", partial(_error, linear)) else None


def _error(linear: FirstLinear, recording: Recording, edited: Tensor, slow: Tensor) -> float:
    """The largest error where the first and the last channel are set to zero.

    These edits stand in for the usual `edited`, which changes all channels at once. An exact
    replay of them stands in for `slow`.
    """
    raw = recording.raw.detach()
    zeros = torch.zeros(raw.shape[:2], dtype=raw.dtype, device=raw.device)
    # Of each chunk only two edits are kept, so that memory holds no more than a chunk.
    ends = [chunk[[0, -1]] for chunk in linear.edits(zeros, tail_chunk_size(raw))]
    fast = flat(linear.outputs(torch.stack([ends[0][0], ends[-1][1]])), 2)
    edits = torch.stack([_without(raw, 0), _without(raw, -1)])
    exact = flat(linear.replay(recording.tape, edits), 2)
    return float(largest(fast - exact, exact))


def _without(raw: Tensor, channel: int) -> Tensor:
    edited = raw.clone()
    edited[:, channel] = 0
    return edited


def _follows(calls: list[Call], index: int) -> bool:
    """Whether a call's first input is the call before it, which no other call reads."""
    source = calls[index - 1].results if index else (0,)
    used = slots_in([(call.args, call.kwargs) for call in calls[index:]])
    return calls[index].args[:1] == (Slot(source[0]),) and used.count(source[0]) == 1


def _run_first(calls: int, tape: Tape, activations: Tensor) -> Tensor:
    """The output of the first calls of a tape, each of which reads the one before it."""
    for call in tape.calls[:calls]:
        activations = call.function(activations, *call.args[1:], **call.kwargs)
    return activations
