"""What the model takes from places that it chooses: images that it warps, crops about a find.

Positions behind such a call are places of what was taken, and of the image nobody knows which.
"""

from __future__ import annotations

from collections.abc import Container, Iterable

from ...forward.operations import RESAMPLED, TAKEN
from ...forward.tape import Call, Slot, slots_in
from .flow import Flow, name_of


def choosing_calls(flow: Flow) -> dict[int, int]:
    """The calls that take values of one image from places that are chosen, by their positions.

    Returns:
        For each, the slot that it takes from.
    """
    found: dict[int, int] = {}
    for position, call in enumerate(flow.calls):
        source = call.args[0] if call.args else None
        if not isinstance(source, Slot) or not call.results:
            continue
        name, result = name_of(call), flow.shapes[call.results[0]]
        if (name in RESAMPLED and len(result) == len(flow.shapes[0]) and result[0] == 1) or (
            name in TAKEN and _by_values(flow, position, source)
        ):
            found[position] = source.index
    return found


def _by_values(flow: Flow, position: int, source: Slot) -> bool:
    """Whether values of the image say what a call takes: an index, or a number that was read."""
    call = flow.calls[position]
    if slots_in((call.args[1:], call.kwargs)):
        return True
    old, new = flow.shapes[source.index], flow.shapes[call.results[0]]
    rank = len(flow.shapes[0]) - 2
    tokens = len(old) == 3 and old[0] == 1 and rank > 1
    cut = len(new) >= rank and old[-rank:] != new[-rank:] and len(old) > rank and not tokens
    read = flow.numbers_read
    return cut and read is not None and read <= position


def behind(flow: Flow, chosen: Iterable[int], certified: Container[int]) -> dict[int, str]:
    """The slots that are made of what these calls take, and not certified; what took it."""
    found: dict[int, str] = {}
    chosen = frozenset(chosen)
    for position, (call, reads) in enumerate(zip(flow.calls, flow.reads, strict=True)):
        earlier = next((found[slot] for slot in reads if slot in found), "")
        if by := _named(call) if position in chosen else earlier:
            found.update({slot: by for slot in call.results if slot not in certified})
    return found


def _named(call: Call) -> str:
    name = name_of(call)
    return name if name in RESAMPLED else "an index"


def steers_alone(flow: Flow, start: int, chosen: dict[int, int], ends: Iterable[int]) -> bool:
    """Whether a tensor only says where the model takes values, and is none of these."""
    live = {start}
    for position, (call, reads) in enumerate(zip(flow.calls, flow.reads, strict=True)):
        if not live.isdisjoint(reads) and chosen.get(position, start) in live:
            live.update(call.results)
    return live.isdisjoint(ends)
