"""A tape without the rows that do not reach the output.

Behind a class token, one row of the last block is read. The rows of the others are needed as keys
and values of its attention, and nowhere else: what follows is computed for one row.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..tape import Call, Slot, Tape, writes
from .demands import demands
from .keeping import resting_dropout
from .parts import Layer, linear_layer
from .rows import Need, Rows, at, put
from .steps import Instead, Step


def short_tape(tape: Tape, apart: bool = False) -> Tape | None:
    """The same output from fewer rows; None if it needs more than half of them.

    Args:
        tape: the noted calls.
        apart: whether linear layers are taken apart, where parts of them are needed.
    """
    steps = few_rows(tape, apart)
    return rebuilt(tape, steps) if steps else None


def taken_apart(tape: Tape) -> Tape | None:
    """The same, with linear layers taken apart where parts are needed; None if none is."""
    steps = few_rows(tape, apart=True)
    apart = steps and any(step.instead for step in steps.values())
    return rebuilt(tape, steps) if steps and apart else None


def few_rows(tape: Tape, apart: bool = False) -> dict[int, Step] | None:
    """How its calls are made that the output needs, by position, if few rows are ever needed."""
    if any(map(_in_place, tape.calls)):
        return None  # a tensor may be another's memory
    steps = demands(tape, apart=apart)
    if any(step.instead for step in steps.values()):
        return steps
    few = every = 0
    for position, step in steps.items():
        if step.rows:
            size = tape.sizes[tape.calls[position].results[0]]
            few += step.rows.count * size.numel() // size[step.rows.axis]
            every += size.numel()
    return steps if every and 2 * few <= every else None


def _in_place(call: Call) -> bool:
    inplace = call.kwargs.get("inplace") and not resting_dropout(call)
    return bool(writes(call.function) or inplace)


def rebuilt(tape: Tape, steps: dict[int, Step], output: Any = None) -> Tape:
    """The calls of some steps, with what is narrowed before they read it.

    Args:
        tape: the noted calls.
        steps: by position; the other calls are left out.
        output: slots in place of the tape's output.
    """
    short = tape.like(output if output is not None else tape.output)
    held: dict[int, Rows | None] = {0: None}
    narrow = partial(_narrow, short, held, {})
    layers: dict[int, Layer] = {}
    for position in sorted(steps):
        call, step = tape.calls[position], steps[position]
        if step.kept:
            layers[call.results[0]] = linear_layer(call.args, call.kwargs)
        if not step.made:
            continue
        args, kwargs = arguments(call.args, call.kwargs, step.need, narrow)
        made = Call(call.function, args, kwargs, call.results)
        if step.instead:
            made = _instead(made, step.instead, layers, narrow)
        short.calls.append(made)
        rows = dict.fromkeys(range(len(call.results)), step.rows)
        rows = step.instead.held if step.instead else rows
        for index, own in rows.items():
            slot = call.results[index]
            held[slot], short.sizes[slot] = own, _with(tape.sizes[slot], own)
    return short


def _instead(
    call: Call, instead: Instead, layers: dict[int, Layer], narrow: Callable[[Any, Any], Any]
) -> Call:
    """What stands in the place of a call, as a call."""
    listed, named = list(call.args), dict(call.kwargs)
    for where in instead.unread:
        put(listed, named, where, None)
    sources = [
        (narrow(Slot(part.tokens), rows), layers[part.layer]) for part, rows in instead.sources
    ]
    results = tuple(call.results[index] for index in instead.held)
    return Call(instead, (tuple(listed), named, sources), {}, results)


def arguments(
    args: Any, kwargs: Any, need: Need, narrow: Callable[[Any, Rows | None], Any]
) -> tuple[Any, Any]:
    """The arguments of a call for what it needs.

    Args:
        args: by position.
        kwargs: by name.
        need: the rows that are read, and the arguments that differ.
        narrow: from a slot or tensor, and rows of the whole, to these rows of it.
    """
    listed, named = list(args), dict(kwargs)

    for where, rows in need.reads.items():
        put(listed, named, where, narrow(at(args, kwargs, where), rows))
    for where, value in need.fixed.items():
        put(listed, named, where, value)
    for key, item in sorted(need.left_out, reverse=True):
        holder: Any = named if isinstance(key, str) else listed
        holder[key] = [*holder[key][:item], *holder[key][item + 1 :]]
    return tuple(listed), named


def _narrow(
    short: Tape,
    held: dict[int, Rows | None],
    made: dict[tuple[int, Rows], Slot],
    leaf: Any,
    rows: Rows | None,
) -> Any:
    """Some rows of a constant, or a slot that holds these of another slot.

    Args:
        short: the tape that the slot's call is added to.
        held: the rows that each slot holds; None for the whole.
        made: the slots that were made so before.
        leaf: the constant or slot.
        rows: of the whole.
    """
    if isinstance(leaf, Tensor) and rows:
        return leaf.narrow(rows.axis, rows.start, rows.count)
    own = held[leaf.index]
    if rows is None or own == rows:
        return leaf
    key = leaf.index, rows
    if key not in made:
        made[key] = new = short.new_slot(_with(short.sizes[leaf.index], rows))
        start = rows.start - (own.start if own else 0)
        call = Call(Tensor.narrow, (leaf, rows.axis, start, rows.count), {}, (new.index,))
        short.calls.append(call)
    return made[key]


def _with(shape: torch.Size, rows: Rows | None) -> torch.Size:
    """A shape with these rows alone."""
    sizes = [*shape]
    if rows:
        sizes[rows.axis] = rows.count
    return torch.Size(sizes)
