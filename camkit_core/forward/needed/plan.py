"""The plan of a short pass: how each call behind the layer is made; it holds no tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Tensor

from ..tape import Call, Kind, Slot, Tape, slots_in
from .keeping import KEEPING, multi_head_attention, pieces, unbound
from .moving import MOVING, TAKING
from .parts import linear_layer
from .rows import Need, Rows, Where, leaves
from .short_tape import few_rows
from .steps import Step


@dataclass(frozen=True, slots=True)
class Read:
    """A tensor that a call reads.

    Attributes:
        index: of the argument, those by name last.
        item: of the tensor in a list that is the argument; None if it is the argument.
        slot: of a tensor that depends on the layer; None for a constant.
        shape: of a constant.
        rows: that are needed of it; None for the whole.
    """

    index: int
    item: int | None
    slot: int | None
    shape: torch.Size
    rows: Rows | None


@dataclass(frozen=True, slots=True)
class Planned:
    """A call.

    Attributes:
        function: what is called.
        count: how many arguments it has by position.
        names: of the further ones.
        reads: its tensors.
        others: the indices of its other arguments, and what they must be.
        lists: how long its lists of tensors are, by index.
        results: their slots.
        step: how it is made; None for a call that nobody needs.
        exchanged: the tensors in whose place others are read in the short pass.
        fixed: the other arguments that differ in the short pass, by index.
        left_out: tensors of lists that are left out in the short pass, the last first.
        blank: whether a tensor of nan can stand for the result without a call.
        handed_on: the index of the argument that is the result, too; None where none is.
    """

    function: Callable[..., Any]
    count: int
    names: tuple[str, ...]
    reads: list[Read]
    others: list[tuple[int, Any]]
    lists: list[tuple[int, int]]
    results: tuple[int, ...]
    step: Step | None
    exchanged: list[Read]
    fixed: list[tuple[int, Any]]
    left_out: list[tuple[int, int]]
    blank: bool
    handed_on: int | None

    def called(self, values: list[Any]) -> tuple[list[Any], dict[str, Any]]:
        """The arguments by position, and by name."""
        if not self.names:
            return values, {}
        return values[: self.count], dict(zip(self.names, values[self.count :], strict=True))


@dataclass(frozen=True)
class Plan:
    """All calls behind the layer.

    Attributes:
        calls: in order.
        sizes: the shape of each slot, if it were computed as a whole.
        kinds: the dtype and device of each slot.
        output: the slots of the output.
        plain: whether no batch norm is among the calls.
    """

    calls: list[Planned]
    sizes: list[torch.Size]
    kinds: list[Kind]
    output: list[int]
    plain: bool = False

    def fits(self, tape: Tape) -> bool:
        """Whether a whole pass made these calls."""
        return len(tape.calls) == len(self.calls) and all(
            planned.function == call.function
            and (planned.count, planned.names) == (len(call.args), tuple(call.kwargs))
            and planned.results == call.results
            and all(same(value, listed(call)[index]) for index, value in planned.others)
            for planned, call in zip(self.calls, tape.calls, strict=True)
        )


def listed(call: Call) -> list[Any]:
    """The arguments of a call, those by name last."""
    return [*call.args, *call.kwargs.values()]


# Multiplications of linear layers for each call behind the target layer. The calls of a short pass
# take longer than the model's own: with fewer, no time is won (0.2 million in XCiT-nano: none, 0.4
# in XCiT-tiny: a fiftieth, 4 in DeiT-tiny: a seventh).
LEAST_WORK = 4e5


def plan_of(tape: Tape, apart: bool) -> Plan | None:
    """The plan for a noted pass; None if all rows reach the output, or too little can be won.

    Args:
        tape: the pass.
        apart: whether linear layers are taken apart, where parts of them are needed.
    """
    if not tape.complete or _work(tape) < LEAST_WORK * len(tape.calls):
        return None
    steps = few_rows(tape, apart)
    if steps is None:
        return None
    calls = []
    for position, call in enumerate(tape.calls):
        step = steps.get(position)
        floating = all(tape.kinds[slot][0].is_floating_point for slot in call.results)
        if step and step.rows and not floating:
            return None  # no nan can stand for its rows
        blank = floating and call.function in _OF_ONE_RESULT
        calls.append(_planned(call, step, blank, tape.handed_on))
    return Plan(calls, tape.sizes, tape.kinds, slots_in(tape.output))


def _work(tape: Tape) -> int:
    """How many multiplications its linear layers make."""
    made = 0
    for call in tape.calls:
        if call.function is F.linear:
            weight, _ = linear_layer(call.args, call.kwargs)
            if isinstance(weight, Tensor):  # a model may compute it, too
                made += tape.sizes[call.results[0]].numel() * weight.shape[-1]
    return made


_SEVERAL = pieces, unbound, multi_head_attention
_OF_ONE_RESULT = {function for function, rule in KEEPING.items() if rule not in _SEVERAL}
_OF_ONE_RESULT |= {*MOVING, *TAKING}


def _planned(call: Call, step: Step | None, blank: bool, handed_on: dict[int, int]) -> Planned:
    need = step.need if step else Need()
    unread = step.instead.unread if step and step.instead else set()
    named = {name: len(call.args) + index for index, name in enumerate(call.kwargs)}
    found = {where: _read(where, leaf, need, named) for where, leaf in leaves(call)}
    arguments = listed(call)
    listing = {read.index for read in found.values() if read.item is not None}
    holding = {read.index for read in found.values()}
    others = [(index, value) for index, value in enumerate(arguments) if index not in holding]
    exchanged = [
        read
        for where, read in found.items()
        if where not in unread | need.left_out and (read.slot is not None or read.rows)
    ]
    given = {read.slot: read.index for read in found.values() if read.item is None}
    same_tensor = [given.get(handed_on.get(slot, -1)) for slot in call.results]
    left_out = [(_index(where, named), int(where[1])) for where in need.left_out]
    return Planned(
        call.function,
        len(call.args),
        tuple(call.kwargs),
        list(found.values()),
        others,
        [(index, len(arguments[index])) for index in listing],
        call.results,
        step,
        exchanged,
        [(_index(where, named), value) for where, value in need.fixed.items()],
        sorted(left_out, reverse=True),
        blank,
        same_tensor[0] if len(same_tensor) == 1 else None,
    )


def _index(where: Where, named: dict[str, int]) -> int:
    return named[where[0]] if isinstance(where[0], str) else int(where[0])


def _read(where: Where, leaf: Any, need: Need, named: dict[str, int]) -> Read:
    slot, shape = (leaf.index, torch.Size()) if isinstance(leaf, Slot) else (None, leaf.shape)
    item = where[1] if len(where) == 2 else None
    return Read(_index(where, named), item, slot, shape, need.reads.get(where))


def same(planned: Any, given: Any) -> bool:
    """Whether an argument that is no tensor is the planned one."""
    if planned is given:
        return True
    if isinstance(given, Tensor) or type(planned) is not type(given):
        return False
    if isinstance(given, (tuple, list)):
        return len(planned) == len(given) and all(map(same, planned, given))
    return bool(planned == given)
