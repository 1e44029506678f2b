"""What the score reads beside the chosen layer: members of an ensemble, scales, early exits."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence

from ...forward.operations import AFFINE, ELEMENTWISE, HANDED_ON, LINKS, REDUCTIONS
from ..layout import Layout
from .candidates import Candidate
from .flow import Flow, name_of
from .readout import weighs

_MOST = 4  # names in a note
FINER = "(f) a coarser grid carries the whole answer"


def note_beside(flow: Flow, candidates: Sequence[Candidate], choice: Candidate) -> tuple[str, ...]:
    """What to tell of the layers that neither lead to the choice nor come of it.

    Args:
        flow: a stopped tape.
        candidates: all, in the order in which they end.
        choice: the one that is explained.
    """
    others = _beside(flow, candidates, choice)
    if not others:
        return ()
    names = [repr(str(each)) for each in others]
    sound = [repr(str(each)) for each in (*others, choice) if not _misplaced(each)]
    together = f"; layer=[{', '.join(sound)}] explains these together" if len(sound) > 1 else ""
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return (
        f"{str(choice)!r} holds a part of what the score reads; it also reads "
        f"{', '.join(names[:_MOST])}{more}, which this map leaves out{together}",
    )


def _beside(flow: Flow, candidates: Sequence[Candidate], choice: Candidate) -> list[Candidate]:
    """The last layer of each other branch that the score reads as a whole, in order."""
    if choice.end is None:
        return []
    related = flow.below([choice.end]) | flow.above([choice.end])
    found: list[Candidate] = []
    for each in reversed(candidates):
        if each.end is None or not {each.end, each.slot}.isdisjoint(related):
            continue
        passed = not each.reason or each.reason == FINER or _misplaced(each)
        if each.reached and each.reach and passed:
            found.insert(0, each)
            related |= flow.above([each.end]) | flow.below([each.end])
    return found


def _misplaced(candidate: Candidate) -> bool:
    return candidate.reason.startswith("(c)")


def note_around(
    flow: Flow,
    candidates: Sequence[Candidate],
    choice: Candidate,
    certified: Mapping[int, Layout],
    ends: Iterable[int],
) -> tuple[str, ...]:
    """What to tell of earlier maps that the score reads on a way around the choice.

    So it does with an early exit, a head of several stages, or a branch that is added to maps
    outside of any layer.

    Args:
        flow: a stopped tape.
        candidates: all, in the order in which they end.
        choice: the one that is explained.
        certified: the layouts of slots.
        ends: the slots of the outputs that the score reads.
    """
    if choice.end is None:
        return ()
    earlier = flow.above([choice.end]) - {choice.end}
    if choice.layout.prefix or choice.layout.suffix:
        # Of tokens on a way around it, another one may be all that is read: what is pooled counts.
        around = _pooled(flow, earlier & certified.keys(), certified)
    else:
        maps = [each.slot for each in candidates if each.reached and each.end != choice.end]
        around = [slot for slot in maps if slot in earlier and slot in certified]
    if not _reaches(flow, around, choice.end, ends):
        return ()
    whole = [
        each
        for each in candidates
        if each.end in earlier and not each.reason and not _reaches(flow, [0], each.end, ends)
    ]
    advice = f"; layer={str(whole[-1])!r} lies before both" if whole else ""
    return (
        f"{str(choice)!r} holds a part of what the score reads; it also reads earlier maps, on a "
        f"way around it{advice}",
    )


def _pooled(flow: Flow, maps: Container[int], certified: Mapping[int, Layout]) -> list[int]:
    """The results of calls that make one number of all places of each channel."""
    found = []
    for call, reads in zip(flow.calls, flow.reads, strict=True):
        name = name_of(call)
        if not call.results or not (name in REDUCTIONS or name.startswith("adaptive_")):
            continue
        shape, read = flow.shapes[call.results[0]], reads[0]
        if read in maps and all(side == 1 for side in shape[2:]):
            channels = certified[read].channels(flow.shapes[read])
            found += [call.results[0]] if shape[1:2] == (channels,) else []
    return found


def _reaches(flow: Flow, starts: Iterable[int], through: int, ends: Iterable[int]) -> bool:
    """Whether one of some tensors reaches the outputs by another way than `through`."""
    live = set(starts)
    for call, reads in zip(flow.calls, flow.reads, strict=True):
        if through not in call.results and not live.isdisjoint(reads):
            live.update(call.results)
    return not live.isdisjoint(ends)


_UNWEIGHTED = AFFINE | ELEMENTWISE | HANDED_ON | LINKS | REDUCTIONS


def note_images(flow: Flow, choice: Candidate, ends: Iterable[int]) -> tuple[str, ...]:
    """What to tell where the images themselves are read place by place, beside all layers.

    So does a map of how far a reconstruction is from its image.
    """
    live, size = {0}, flow.shapes[0][2:]
    for position, (call, reads) in enumerate(zip(flow.calls, flow.reads, strict=True)):
        if live.isdisjoint(reads) or name_of(call) not in _UNWEIGHTED or weighs(flow, position):
            continue
        live.update(slot for slot in call.results if flow.shapes[slot][-len(size) :] == size)
    if live.isdisjoint(ends):
        return ()
    return (
        f"the score also reads the images themselves, beside all layers, and the map of "
        f"{str(choice)!r} leaves that out",
    )
