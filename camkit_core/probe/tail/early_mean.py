"""A tape on which tokens are averaged as early as they can be.

The mean of a linear layer's results is the layer's result for the mean: one row in place of all.
So it is for sums, for products with what is the same at each token, and for some of the tokens. In
a transformer whose patches are averaged, the last linear layer runs for one row an image.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Size, Tensor

from ...forward.needed.moving import indexed
from ...forward.needed.rows import Given, Rows
from ...forward.tape import Call, Slot, Tape, slots_in, writes
from .affine import affine_call

_MEANS = (Tensor.mean, torch.mean)
_SUMS = (torch.add, Tensor.add, Tensor.__add__, torch.sub, Tensor.sub, Tensor.__sub__)
_PRODUCTS = (torch.mul, Tensor.mul, Tensor.__mul__)


def with_early_means(tape: Tape) -> Tape:
    """The same output, with each mean over tokens (N, T, C) taken before the linear layers."""
    if any(writes(call.function) for call in tape.calls):
        return tape  # a tensor may be another's memory
    early = tape.like(tape.output)
    for call in tape.calls:
        early.calls += _Averaged(tape, early).calls_of(call) if _averages(tape, call) else [call]
    return _without_unread(early)


def _averages(tape: Tape, call: Call) -> bool:
    """Whether a call is a mean over the tokens."""
    if call.function not in _MEANS or not isinstance(call.args[0], Slot):
        return False
    axes = call.args[1] if len(call.args) > 1 else call.kwargs.get("dim")
    tokens = axes in (1, (1,), [1]) and len(tape.sizes[call.args[0].index]) == 3
    return tokens and call.kwargs.get("dtype") is None


class _Averaged:
    """What stands in the place of a mean.

    Args:
        tape: the noted calls.
        early: the tape that the calls are for.
    """

    def __init__(self, tape: Tape, early: Tape) -> None:
        self.tape, self.early = tape, early
        self.calls: list[Call] = []
        self.known: dict[tuple[int, Rows], Slot] = {}
        self.makers = {slot: call for call in tape.calls for slot in call.results}

    def calls_of(self, mean: Call) -> list[Call]:
        """The calls, the last of which fills the mean's slot."""
        source = mean.args[0]
        averaged = self._mean(source, Rows(1, 0, self._size(source)[1]))
        kept = len(self.tape.sizes[mean.results[0]]) == 3
        args = (averaged,) if kept else (averaged, 1)
        last = Call(Tensor.clone if kept else Tensor.squeeze, args, {}, mean.results)
        return [*self.calls, last]

    def _mean(self, source: Slot, rows: Rows) -> Slot:
        """The mean (N, 1, C) over some rows of a slot (N, T, C)."""
        key = source.index, rows
        if key not in self.known:
            maker = self.makers.get(source.index)
            passed = self._passed(maker, rows) if maker else None
            self.known[key] = passed or self._here(source, rows)
        return self.known[key]

    def _here(self, source: Any, rows: Rows) -> Slot:
        few = self._note(Tensor.narrow, source, 1, rows.start, rows.count)
        return self._note(Tensor.mean, few, 1, True)

    def _passed(self, call: Call, rows: Rows) -> Slot | None:
        """The same through the call that makes the slot; None if it must run for each token."""
        function, args = call.function, call.args
        if not affine_call(call) or len(self._size(args[0])) not in (1, 3):
            return None
        if function is Tensor.__getitem__:
            return self._of_slice(call, rows)
        if function is F.dropout:
            return self._mean(args[0], rows)
        if function is F.linear:
            return self._note(function, self._mean(args[0], rows), *args[1:], **call.kwargs)
        varying = sum(map(self._varies, args))
        if not call.kwargs and (function in _SUMS or (function in _PRODUCTS and varying == 1)):
            return self._note(function, *(self._term(each, rows) for each in args))
        return None

    def _of_slice(self, call: Call, rows: Rows) -> Slot | None:
        given = Given(call, self.tape.sizes)
        need = indexed(given, rows)
        same = len(given.result) == 3 and given.first[::2] == given.result[::2]
        return self._mean(call.args[0], need.reads[(0,)]) if need and same else None

    def _term(self, term: Any, rows: Rows) -> Any:
        if isinstance(term, Slot):
            return self._mean(term, rows) if self._varies(term) else term
        return self._here(term, rows) if self._varies(term) else term

    def _varies(self, value: Any) -> bool:
        """Whether a factor or term may be another at each token."""
        shape = self._size(value) if isinstance(value, (Slot, Tensor)) else ()
        return len(shape) > 1 and shape[-2] > 1

    def _size(self, value: Any) -> Size:
        return self.tape.sizes[value.index] if isinstance(value, Slot) else value.shape

    def _note(self, function: Any, *args: Any, **kwargs: Any) -> Slot:
        result = self.early.new_slot(Size())
        self.calls.append(Call(function, args, kwargs, (result.index,)))
        return result


def _without_unread(tape: Tape) -> Tape:
    """The tape without the calls whose results nobody reads."""
    read, kept = set(slots_in(tape.output)), list[Call]()
    for call in reversed(tape.calls):
        if not read.isdisjoint(call.results):
            kept.append(call)
            read.update(slots_in((call.args, call.kwargs)))
    tape.calls = kept[::-1]
    return tape
