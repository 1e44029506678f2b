"""From the output backwards: the rows of each call's result that somebody needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..tape import Call, Slot, Tape, slots_in
from .keeping import KEEPING
from .moving import MOVING, TAKING
from .rows import Given, Need, Rows, leaves, together

Wanted = Mapping[int, Rows | None]  # by slot; None for the whole


@dataclass(frozen=True)
class Step:
    """How a call is made.

    Attributes:
        rows: those of its result that it gives; None for the whole.
        need: what it needs for them.
    """

    rows: Rows | None
    need: Need


def demands(tape: Tape, wanted: Wanted | None = None) -> dict[int, Step]:
    """How each call is made that the wanted slots need, by its position.

    Args:
        tape: what ran after the layer.
        wanted: some slots, and the rows of them; None for the whole output.
    """
    start = dict.fromkeys(slots_in(tape.output), None) if wanted is None else wanted
    needs: dict[int, list[Rows | None]] = {slot: [rows] for slot, rows in start.items()}
    steps: dict[int, Step] = {}
    for position in range(len(tape.calls) - 1, -1, -1):
        call = tape.calls[position]
        asked = [each for slot in call.results for each in needs.get(slot, ())]
        if not asked:
            continue
        step = _step(Given(call, tape.sizes), together(asked))
        steps[position] = step
        for slot, rows in _reads(call, step.need):
            needs.setdefault(slot, []).append(rows)
    return steps


def _reads(call: Call, need: Need) -> Iterator[tuple[int, Rows | None]]:
    """Each slot that a call reads, with the rows of it."""
    unseen = slots_in((call.args, call.kwargs))
    for where, leaf in leaves(call):
        if isinstance(leaf, Slot):
            unseen.remove(leaf.index)
            yield leaf.index, need.reads.get(where)
    yield from ((slot, None) for slot in unseen)


def _step(given: Given, rows: Rows | None) -> Step:
    function = given.call.function
    need = None
    if function in TAKING:
        need = TAKING[function](given, rows)
    elif rows:
        rule = KEEPING.get(function) or MOVING.get(function)
        need = rule(given, rows) if rule else None
    return Step(rows, need) if need else Step(None, Need())
