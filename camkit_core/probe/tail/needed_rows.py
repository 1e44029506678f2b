"""The tape of the rows that reach the output, of a recording."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Tensor, nn

from ...forward.needed.short_tape import short_tape, taken_apart
from ...forward.tape import Call, Tape, slots_in, writes
from .attention_calls import with_plain_attention

if TYPE_CHECKING:
    from ...forward.recording import Recording

_PLAIN = Tensor, nn.Parameter
_plain: WeakKeyDictionary[Recording, Tape] = WeakKeyDictionary()
_unmoved: WeakKeyDictionary[Recording, bool] = WeakKeyDictionary()
_short: WeakKeyDictionary[Recording, Tape | None] = WeakKeyDictionary()
_apart: WeakKeyDictionary[Recording, Tape | None] = WeakKeyDictionary()


def attention_tape(recording: Recording) -> Tape:
    """What follows the layer, with each attention in one form."""
    if recording not in _plain:
        _plain[recording] = with_plain_attention(recording.tape)
    return _plain[recording]


def needed_tape(recording: Recording) -> Tape | None:
    """The same for the rows that reach the output; None if all rows do.

    Behind a class token, one row of the last block does. Where patches are averaged, all do.
    """
    if recording not in _short:
        known = recording.raw.ndim > 2 and can_be_rewritten(recording)
        _short[recording] = short_tape(attention_tape(recording)) if known else None
    return _short[recording]


def tape_apart(recording: Recording) -> Tape | None:
    """The same without keys and values of few queries; None if there are none."""
    if recording not in _apart:
        known = recording.raw.ndim > 2 and can_be_rewritten(recording)
        _apart[recording] = taken_apart(attention_tape(recording)) if known else None
    return _apart[recording]


def can_be_rewritten(recording: Recording) -> bool:
    """Whether the tape holds all that follows the layer, and other sums round as finely."""
    tape = recording.tape
    return tape.complete and not rounds_between(tape, recording.raw.dtype)


def unmoved_by_tape(recording: Recording) -> bool:
    """Whether all ways from the layer to the output lead through weights of zeros; not proved."""
    if recording not in _unmoved:
        _unmoved[recording] = recording.tape.complete and not _moves(recording.tape)
    return _unmoved[recording]


def _moves(tape: Tape) -> bool:
    moving = {0}  # the slots that an edit may change
    for call in tape.calls:
        reads = slots_in((call.args, call.kwargs))
        if not moving.isdisjoint(reads) and not _gives_its_bias(call):
            moving.update(call.results, reads if writes(call.function) else ())
    return not moving.isdisjoint(slots_in(tape.output))


def _gives_its_bias(call: Call) -> bool:
    """Whether a call is a linear layer without weights, as heads are before training."""
    weight = call.args[1] if len(call.args) > 1 else call.kwargs.get("weight")
    # A weight of a class of its own, as of fewer bits, may not know what is asked here.
    if call.function is not F.linear or type(weight) not in _PLAIN or weight[0].any():
        return False
    return not weight.any() and not slots_in((call.args[2:], call.kwargs))


def rounds_between(tape: Tape, dtype: torch.dtype) -> bool:
    """Whether a call makes coarser numbers than the layer's, as a softmax in float32.

    Other sums then round to other numbers, however fine the layer's own are.
    """
    named = [each for call in tape.calls for each in (*call.args, *call.kwargs.values())]
    made = (each for each in named if isinstance(each, torch.dtype) and each.is_floating_point)
    return any(torch.finfo(each).eps > torch.finfo(dtype).eps for each in made)
