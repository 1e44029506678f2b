"""What the model takes from places that it chooses: images that it warps, crops about a find.

Positions behind such a call are places of what was taken, and of the image nobody knows which.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

from ...forward.operations import RESAMPLERS, TAKEN
from ...forward.tape import Call, Slot, slots_in
from .flow import Flow, name_of

RESAMPLED = "(c) it lies over what {} takes of the image, at places that the model chooses"
SCATTERED = "(c) of tokens that it is made of, some show one place twice, or places are missing"

TORN = "(c) parts of the image that lie apart are laid together in it"


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
        if (name in RESAMPLERS and len(result) == len(flow.shapes[0]) and result[0] == 1) or (
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


def reasons(
    flow: Flow, chosen: Container[int], lost: Mapping[int, str], certified: Container[int]
) -> dict[int, str]:
    """The slots whose positions are no places of the image in any order, and why.

    Args:
        flow: a stopped tape.
        chosen: the positions of calls that take values from chosen places.
        lost: slots of which that is known, and why; it is so for what is made of them.
        certified: the slots of which it is known how they lie; they have no reason.
    """
    found: dict[int, str] = {}
    for position, (call, reads) in enumerate(zip(flow.calls, flow.reads, strict=True)):
        reason = next((found[slot] for slot in reads if slot in found), "")
        if position in chosen:
            reason = RESAMPLED.format(_named(call))
        for slot in call.results:
            why = lost.get(slot, reason)
            if why and slot not in certified:
                found[slot] = why
    return found


def _named(call: Call) -> str:
    name = name_of(call)
    return name if name in RESAMPLERS else "an index"


def steers_alone(flow: Flow, start: int, chosen: dict[int, int], ends: Iterable[int]) -> bool:
    """Whether a tensor only says where the model takes values, and is none of these."""
    live = {start}
    for position, (call, reads) in enumerate(zip(flow.calls, flow.reads, strict=True)):
        if not live.isdisjoint(reads) and chosen.get(position, start) in live:
            live.update(call.results)
    return live.isdisjoint(ends)
