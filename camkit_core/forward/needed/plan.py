"""The plan of a short pass: how each call behind the layer is made; it holds no tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..tape import Call, Slot, Tape, slots_in
from .demands import Step
from .rows import Rows, Where, at, leaves
from .short_tape import few_rows


@dataclass(frozen=True, slots=True)
class Read:
    """A tensor that a call reads.

    Attributes:
        where: among the arguments.
        slot: of a tensor that depends on the layer; None for a constant.
        shape: of a constant.
        rows: that are needed of it; None for the whole.
    """

    where: Where
    slot: int | None
    shape: torch.Size
    rows: Rows | None


@dataclass(frozen=True, slots=True)
class Planned:
    """A call.

    Attributes:
        function: what is called.
        counts: how many arguments it has by position, and by name.
        reads: its tensors.
        others: where its other arguments are, what they must be, and what stands in their place.
        lists: how long its lists of tensors are.
        results: their slots.
        step: how it is made; None for a call that nobody needs.
    """

    function: Callable[..., Any]
    counts: tuple[int, int]
    reads: list[Read]
    others: list[tuple[Where, Any, Any]]
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
            and all(same(value, at(call.args, call.kwargs, w)) for w, value, _ in planned.others)
            for planned, call in zip(self.calls, tape.calls, strict=True)
        )


def plan_of(tape: Tape) -> Plan | None:
    """The plan for a noted pass; None if all rows reach the output."""
    steps = few_rows(tape) if tape.complete else None
    if steps is None:
        return None
    calls = [_planned(call, steps.get(position)) for position, call in enumerate(tape.calls)]
    return Plan(calls, tape.sizes, slots_in(tape.output))


def _planned(call: Call, step: Step | None) -> Planned:
    needed, fixed = (step.need.reads, step.need.fixed) if step else ({}, {})
    found = list(leaves(call))
    reads = [
        Read(where, leaf.index, torch.Size(), needed.get(where))
        if isinstance(leaf, Slot)
        else Read(where, None, leaf.shape, needed.get(where))
        for where, leaf in found
    ]
    listed = {where[0] for where, _ in found if len(where) == 2}
    read = {where[0] for where, _ in found}
    others = [
        ((key,), value, fixed.get((key,), value))
        for key, value in (*enumerate(call.args), *call.kwargs.items())
        if key not in read
    ]
    lists = [((key,), len(at(call.args, call.kwargs, (key,)))) for key in listed]
    counts = len(call.args), len(call.kwargs)
    return Planned(call.function, counts, reads, others, lists, call.results, step)


def same(planned: Any, given: Any) -> bool:
    """Whether an argument that is no tensor is the planned one."""
    if isinstance(given, Tensor) or type(planned) is not type(given):
        return False
    if isinstance(given, (tuple, list)):
        return len(planned) == len(given) and all(map(same, planned, given))
    return bool(planned == given)
