"""What the model takes from places that it chooses: images that it warps, crops about a find.

Positions behind such a call are places of what was taken, and of the image nobody knows which.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ...forward.counting import count
from ...forward.operations import RESAMPLERS, TAKEN
from ...forward.tape import Call, Slot, slots_in
from ...inputs.prepare import Inputs
from .candidates import Candidate
from .disturbance import disturbed
from .flow import Flow, name_of

_CUTS = ("__getitem__", "narrow", "pad", "roll")
RESAMPLED = "(c) it lies over what {} takes of the image, at places that the model chooses"
SCATTERED = "(c) of tokens that it is made of, some show one place twice, or places are missing"
TORN = "(c) parts of the image that lie apart are laid together in it"


def choosing_calls(flow: Flow, inputs: Inputs, image: Tensor, index: int) -> dict[int, int]:
    """The calls that take values of one image from places that are chosen, by their positions.

    Where the model reads numbers of the image and cuts it after that, it runs again on versions of
    the image, and the cuts count if they are others there.

    Args:
        flow: a stopped tape.
        inputs: the model and its images.
        image: (1, C, *size), what the tape began at.
        index: which of the images that is.

    Returns:
        For each such call, the slot that it takes from.
    """
    found = {
        position: call.args[0].index
        for position, call in enumerate(flow.calls)
        if call.args and isinstance(call.args[0], Slot) and call.results and _chooses(flow, call)
    }
    cuts = _cuts(flow)
    if cuts and not _cut_alike(inputs, image, index, list(cuts.values())):
        found |= {position: flow.calls[position].args[0].index for position in cuts}
    return found


def _chooses(flow: Flow, call: Call) -> bool:
    """Whether other arguments of a call, which depend on the image or not, say places."""
    result = flow.shapes[call.results[0]]
    if name_of(call) in RESAMPLERS:
        return len(result) == len(flow.shapes[0]) and result[0] == 1
    return name_of(call) in TAKEN and bool(slots_in((call.args[1:], call.kwargs)))


def _cuts(flow: Flow) -> dict[int, Any]:
    """By their positions, the arguments of calls that cut or move maps after a number was read."""
    if flow.numbers_read is None:
        return {}
    return {
        position: (call.args[1:], call.kwargs)
        for position, call in enumerate(flow.calls)
        if position >= flow.numbers_read and name_of(call) in _CUTS
        if call.results and isinstance(call.args[0], Slot) and _is_cut(flow, call)
    }


def _is_cut(flow: Flow, call: Call) -> bool:
    old, new = flow.shapes[call.args[0].index], flow.shapes[call.results[0]]
    rank = len(flow.shapes[0]) - 2
    tokens = len(old) == 3 and old[0] == 1 and rank > 1
    changed = old[-rank:] != new[-rank:] or name_of(call) == "roll"
    return len(old) > rank <= len(new) and changed and not tokens


def _cut_alike(inputs: Inputs, image: Tensor, index: int, cuts: list[Any]) -> bool:
    """Whether the same is cut out of disturbed versions of the image."""
    if image.is_meta:
        return False
    for version in disturbed(image):
        flow = Flow()
        count("search", 1)
        given = version[None].clone()
        flow.start(given)
        try:
            with torch.no_grad():
                inputs.forward_args.call(inputs.model, given, image=index)
        except Exception:  # noqa: BLE001 - whatever a model raises of noise
            return False
        finally:
            flow.stop()
        if repr(list(_cuts(flow).values())) != repr(cuts):
            return False
    return True


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
    return "an index" if name in TAKEN else name


def steers_alone(flow: Flow, start: int, chosen: dict[int, int], ends: Iterable[int]) -> bool:
    """Whether a tensor only says where the model takes values, and is none of these."""
    live = {start}
    for position, (call, reads) in enumerate(zip(flow.calls, flow.reads, strict=True)):
        if not live.isdisjoint(reads) and chosen.get(position, start) in live:
            live.update(call.results)
    return live.isdisjoint(ends)


def note_warped(
    flow: Flow,
    candidates: Sequence[Candidate],
    choice: Candidate,
    chosen: Iterable[int],
    certified: Container[int],
) -> tuple[str, ...]:
    """What to tell of a choice to which values from chosen places, or mirrored ones, were added.

    It lies over the image as the plain operands of the sum do.

    Args:
        flow: a stopped tape.
        candidates: all, in the order in which they end.
        choice: the one that is explained.
        chosen: the positions of calls that take values from places that the model chooses.
        certified: the slots of which it is known how they lie.
    """
    calls = [flow.calls[each] for each in chosen if name_of(flow.calls[each]) not in TAKEN]
    made_of = flow.above([] if choice.slot is None else [choice.slot])
    calls = [call for call in calls if choice.certified and not made_of.isdisjoint(call.results)]
    if choice.slot in flow.elsewhere:
        calls += _mirroring(flow, made_of)
    if not calls:
        return ()
    mixed = flow.below(slot for call in calls for slot in call.results) & made_of
    entries = {
        slot
        for call, reads in zip(flow.calls, flow.reads, strict=True)
        if not mixed.isdisjoint(call.results)
        for slot in reads
        if slot not in mixed and slot in certified
    }
    common = set.intersection(made_of, *(flow.above([slot]) for slot in entries))
    plain = [each for each in candidates if not each.reason and each.slot in common - mixed]
    before = f"; layer={str(plain[-1])!r} lies before that" if plain else ""
    return (
        f"{str(choice)!r} also holds what {_named(calls[0])} takes from other places of the image, "
        f"and what stood there shows where it was put{before}",
    )


def _mirroring(flow: Flow, made_of: Container[int]) -> list[Call]:
    """The calls that mirror maps, or make frequencies of them, of those whose results count."""
    return [
        call
        for call, reads in zip(flow.calls, flow.reads, strict=True)
        if flow.elsewhere.isdisjoint(reads)
        and any(slot in made_of and slot in flow.elsewhere for slot in call.results)
    ]
