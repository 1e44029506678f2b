"""Ablations of tokens' channels, as edits of the outputs of the linear layers that read the tokens.

Replacing channel c changes the tokens by d times the c-th unit vector, with d = value - channel at
each token. So the output of a linear layer changes by d times column c of its weight: an outer
product, where the layer itself would be a product of matrices.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Tensor

from ...forward.counting import count
from ...forward.recording import Recording
from ...forward.tape import Call, Slot, Tape, slots_in
from .replay import batched_from

# Calls that keep the channels on the last axis, whole and in order.
_MOVES = (Tensor.narrow, Tensor.transpose, Tensor.permute, Tensor.contiguous, torch.transpose)


@dataclass(frozen=True)
class LeadingLinear:
    """A tape that begins with linear layers of the tokens, which nothing else reads.

    Attributes:
        tokens: the layer's output (N, T, C).
        tape: for the rows that reach the output; the linear layers come first.
        moves: the calls between tokens and linear layers.
        linear: the calls of these layers.
    """

    tokens: Tensor
    tape: Tape
    moves: list[Call]
    linear: list[Call]

    @cached_property
    def _plain(self) -> dict[int, Tensor]:
        """The layers' outputs for the tokens as they are, by slot."""
        moved = self._moved(self.tokens)
        return {
            call.results[0]: F.linear(moved[call.args[0].index], *call.args[1:], **call.kwargs)
            for call in self.linear
        }

    @property
    def example(self) -> Tensor:
        """A tensor as large as one edit."""
        return self.tokens

    def outputs(self, values: Tensor, channels: Tensor) -> Any:
        """The model's outputs, M first, with each of M channels replaced by its value (N, C)."""
        many, images = len(channels), len(self.tokens)
        count("tail", many * images)
        change = values[:, channels].T[:, :, None] - self.tokens[:, :, channels].movedim(2, 0)
        moved = self._moved(change.flatten(0, 1)[..., None])
        edited = {call.results[0]: self._edited(call, moved, channels) for call in self.linear}
        after = len(self.moves) + len(self.linear) - 1
        return batched_from(self.tape, edited, after, many, images)

    def _edited(self, call: Call, moved: dict[int, Tensor], channels: Tensor) -> Tensor:
        """A linear layer's output for each channel and image, in its layout."""
        slot = call.args[0].index
        weight = call.args[1] if len(call.args) > 1 else call.kwargs["weight"]
        output, change = self._plain[call.results[0]], moved[slot]
        axis = self._row_axis(slot)
        columns = weight.T[channels].repeat_interleave(len(self.tokens), 0)
        shape = [1] * output.ndim
        shape[axis], shape[-1] = columns.shape
        repeats = [1] * output.ndim
        repeats[axis] = len(channels) if len(self.tokens) > 1 else 1
        return torch.addcmul(output.repeat(repeats), change, columns.view(shape))

    def _moved(self, tokens: Tensor) -> dict[int, Tensor]:
        """The tokens, and what each call makes of them, by slot."""
        values = {0: tokens}
        for call in self.moves:
            values[call.results[0]] = call.function(values[call.args[0].index], *call.args[1:])
        return values

    def _row_axis(self, slot: int) -> int:
        """Where a slot has its rows: another count of rows than of tokens tells."""
        tokens = self.tokens.shape[1]
        rows = self._moved(self.tokens.new_empty(tokens + 1, tokens, 1))[slot]
        return rows.shape.index(tokens + 1)


def leading_linear(recording: Recording, short: Tape) -> LeadingLinear | None:
    """The linear layers that read the tokens (N, T, C), if nothing else does; not proved."""
    moves: list[Call] = []
    linear: list[Call] = []
    rest: list[Call] = []
    known = {0}  # the slots of tokens
    for call in short.calls:
        slots = slots_in((call.args, call.kwargs))
        if known.isdisjoint(slots):
            rest.append(call)
        elif len(slots) > 1 or not isinstance(call.args[0], Slot):
            return None
        elif call.function is F.linear:
            linear.append(call)
        elif call.function in _MOVES and not call.kwargs:
            moves.append(call)
            known |= set(call.results)
        else:
            return None
    tape = short.like(short.output)
    tape.calls = [*moves, *linear, *rest]
    return LeadingLinear(recording.raw.detach(), tape, moves, linear) if linear else None
