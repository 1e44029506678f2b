"""The tape of the rows that reach the output, of a recording."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch

from ...forward.needed.short_tape import short_tape
from ...forward.tape import Tape
from .attention_calls import with_plain_attention

if TYPE_CHECKING:
    from ...forward.recording import Recording

_plain: WeakKeyDictionary[Recording, Tape] = WeakKeyDictionary()
_short: WeakKeyDictionary[Recording, Tape | None] = WeakKeyDictionary()


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


def can_be_rewritten(recording: Recording) -> bool:
    """Whether the tape holds all that follows the layer, and other sums round as finely."""
    tape = recording.tape
    return tape.complete and not rounds_between(tape, recording.raw.dtype)


def rounds_between(tape: Tape, dtype: torch.dtype) -> bool:
    """Whether a call makes coarser numbers than the layer's, as a softmax in float32.

    Other sums then round to other numbers, however fine the layer's own are.
    """
    named = [each for call in tape.calls for each in (*call.args, *call.kwargs.values())]
    made = (each for each in named if isinstance(each, torch.dtype) and each.is_floating_point)
    return any(torch.finfo(each).eps > torch.finfo(dtype).eps for each in made)
