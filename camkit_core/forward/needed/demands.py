"""From the output backwards: the rows of each call's result that somebody needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import torch

from ..tape import Call, Slot, Tape, slots_in
from .few_queries import few_queries
from .keeping import KEEPING
from .moving import MOVING, TAKING
from .parts import Parts
from .pieces import pieces
from .rows import Given, Need, Rows, leaves, together
from .steps import Step

Wanted = Mapping[int, Rows | None]  # by slot; None for the whole


def demands(tape: Tape, wanted: Wanted | None = None, apart: bool = False) -> dict[int, Step]:
    """How each call is made that the wanted slots need, by its position.

    Args:
        tape: what ran after the layer.
        wanted: some slots, and the rows of them; None for the whole output.
        apart: whether linear layers are taken apart, where parts of them are needed.
    """
    start = dict.fromkeys(slots_in(tape.output), None) if wanted is None else wanted
    needs: dict[int, list[Rows | None]] = {slot: [rows] for slot, rows in start.items()}
    parts = Parts(tape) if apart else None
    steps: dict[int, Step] = {}
    for position in range(len(tape.calls) - 1, -1, -1):
        call = tape.calls[position]
        asked = {
            slot: _unless_all(together(needs[slot]), tape.sizes[slot])
            for slot in call.results
            if slot in needs
        }
        if not asked:
            continue
        step = _step(Given(call, tape.sizes), asked, parts)
        steps[position] = step
        for slot, rows in _reads(call, step):
            needs.setdefault(slot, []).append(rows)
    return _with_layers(tape, steps)


def _unless_all(rows: Rows | None, size: torch.Size) -> Rows | None:
    return rows if rows and rows.count < size[rows.axis] else None


def _reads(call: Call, step: Step) -> Iterator[tuple[int, Rows | None]]:
    """Each slot that a call reads, with the rows of it."""
    unseen = slots_in((call.args, call.kwargs))
    for where, leaf in leaves(call):
        if isinstance(leaf, Slot):
            unseen.remove(leaf.index)
            unread = step.instead.unread if step.instead else step.need.left_out
            if where not in unread:
                yield leaf.index, step.need.reads.get(where)
    yield from ((slot, None) for slot in unseen)
    if step.instead:
        yield from ((part.tokens, rows) for part, rows in step.instead.sources)


def _step(given: Given, asked: Wanted, parts: Parts | None) -> Step:
    rows, function = together(asked.values()), given.call.function
    if parts and (step := few_queries(parts, given, rows) or pieces(parts, given, asked)):
        return step
    need = None
    if function in TAKING:
        need = TAKING[function](given, rows)
    elif rows:
        rule = KEEPING.get(function) or MOVING.get(function)
        need = rule(given, rows) if rule else None
    return Step(rows, need) if need else Step(None, Need())


def _with_layers(tape: Tape, steps: dict[int, Step]) -> dict[int, Step]:
    """The steps, with the linear layers whose weights they read."""
    read = {
        part.layer for step in steps.values() if step.instead for part, _ in step.instead.sources
    }
    for position, call in enumerate(tape.calls):
        if not read.isdisjoint(call.results):
            made = steps.get(position)
            kept = Step(None, Need(), kept=True, made=False)
            steps[position] = replace(made, kept=True) if made else kept
    return steps
