"""The plan of a short pass: how each call behind the layer is made; it holds no tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..tape import Call, Slot, Tape, slots_in
from .rows import Rows, Where, at, leaves
from .short_tape import few_rows
from .steps import Step


@dataclass(frozen=True, slots=True)
class Read:
    """A tensor that a call reads.

    Attributes:
        where: among the arguments.
        slot: of a tensor that depends on the layer; None for a constant.
        shape: of a constant.
        rows: that are needed of it; None for the whole.
        needed: whether anything is needed of it.
    """

    where: Where
    slot: int | None
    shape: torch.Size
    rows: Rows | None
    needed: bool


@dataclass(frozen=True, slots=True)
class Planned:
    """A call.

    Attributes:
        function: what is called.
        counts: how many arguments it has by position, and by name.
        reads: its tensors.
        others: where its other arguments are, and what they must be.
        fixed: the other arguments that differ in the short pass.
        lists: how long its lists of tensors are.
        results: their slots.
        step: how it is made; None for a call that nobody needs.
    """

    function: Callable[..., Any]
    counts: tuple[int, int]
    reads: list[Read]
    others: list[tuple[Where, Any]]
    fixed: list[tuple[Where, Any]]
    lists: list[tuple[Where, int]]
    results: tuple[int, ...]
    step: Step | None


@dataclass(frozen=True)
class Plan:
    """All calls behind the layer.

    Attributes:
        calls: in order.
        sizes: the shape of each slot, if it were computed as a whole.
        output: the slots of the output.
    """

    calls: list[Planned]
    sizes: list[torch.Size]
    output: list[int]

    def fits(self, tape: Tape) -> bool:
        """Whether a whole pass made these calls."""
        return len(tape.calls) == len(self.calls) and all(
            planned.function == call.function
            and planned.counts == (len(call.args), len(call.kwargs))
            and planned.results == call.results
            and all(same(value, at(call.args, call.kwargs, w)) for w, value in planned.others)
            for planned, call in zip(self.calls, tape.calls, strict=True)
        )


def plan_of(tape: Tape, apart: bool) -> Plan | None:
    """The plan for a noted pass; None if all rows reach the output.

    Args:
        tape: the pass.
        apart: whether linear layers are taken apart, where parts of them are needed.
    """
    steps = few_rows(tape, apart) if tape.complete else None
    if steps is None:
        return None
    calls = [_planned(call, steps.get(position)) for position, call in enumerate(tape.calls)]
    return Plan(calls, tape.sizes, slots_in(tape.output))


def _planned(call: Call, step: Step | None) -> Planned:
    needed, fixed = (step.need.reads, step.need.fixed) if step else ({}, {})
    unread = step.instead.unread if step and step.instead else set()
    found = list(leaves(call))
    reads = [
        Read(where, *_named(leaf), needed.get(where), where not in unread) for where, leaf in found
    ]
    listed = {where[0] for where, _ in found if len(where) == 2}
    read = {where[0] for where, _ in found}
    others: list[tuple[Where, Any]] = [
        ((key,), value)
        for key, value in (*enumerate(call.args), *call.kwargs.items())
        if key not in read
    ]
    lists = [((key,), len(at(call.args, call.kwargs, (key,)))) for key in listed]
    counts = len(call.args), len(call.kwargs)
    stand_ins = list(fixed.items())
    return Planned(call.function, counts, reads, others, stand_ins, lists, call.results, step)


def _named(leaf: Any) -> tuple[int | None, torch.Size]:
    """A slot's index, or None and the shape of a constant."""
    return (leaf.index, torch.Size()) if isinstance(leaf, Slot) else (None, leaf.shape)


def same(planned: Any, given: Any) -> bool:
    """Whether an argument that is no tensor is the planned one."""
    if planned is given:
        return True
    if isinstance(given, Tensor) or type(planned) is not type(given):
        return False
    if isinstance(given, (tuple, list)):
        return len(planned) == len(given) and all(map(same, planned, given))
    return bool(planned == given)
