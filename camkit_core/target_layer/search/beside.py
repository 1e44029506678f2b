"""Layers that the score reads beside the chosen one: members of an ensemble, crops, scales."""

from __future__ import annotations

from collections.abc import Sequence

from .candidates import Candidate
from .flow import Flow

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
