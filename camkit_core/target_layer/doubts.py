"""Layers of which it is not known that their positions are places of the image."""

from __future__ import annotations

from math import prod

from ..inputs.prepare import Inputs
from .layout import Layout
from .search.candidates import Candidate
from .search.disturbance import FEWEST
from .search.elimination import Elimination
from .search.places import disturb
from .search.search import Search

PASSED = "passed"
UNKNOWN = "(c) its sides are not in the image's proportions, and no call that made it says why"


def doubts_of(found: Search) -> dict[str, str]:
    """By the names of such layers, the test that they failed; empty where none was made."""
    known = {candidate.name.module for candidate in found.candidates}
    axes = found.scanned.image.ndim
    unknown = {
        name: UNKNOWN
        for name, shape in found.scanned.shapes.items()
        if name not in known and len(shape) == axes and shape[0] == 1 and prod(shape[2:]) > 1
    }
    return unknown | {
        str(candidate.name): _doubt(found, candidate)
        for candidate in found.candidates
        if candidate.slot in found.scanned.astray or not _passed(candidate)
    }


def _passed(candidate: Candidate) -> bool:
    """Whether its positions are places, or are too few to tell."""
    seen = candidate.places is not None and candidate.reason[:3] not in ("(a)", "(c)")
    return candidate.certified or seen or candidate.layout.positions < FEWEST


def _doubt(found: Search, candidate: Candidate) -> str:
    if candidate.slot in found.scanned.astray:
        return found.scanned.astray[candidate.slot]
    return candidate.reason if candidate.places is not None else ""


def tested(inputs: Inputs, found: Search, name: str) -> tuple[Layout, str] | None:
    """Test a layer that a search left untested: how it lies, and the test that it fails, if any."""
    candidate = next((each for each in found.candidates if str(each.name) == name), None)
    if candidate is None or found.scanned.image.is_meta:
        return None
    disturb(inputs, found.scanned, [candidate], found.hints)
    reason = Elimination(inputs, found.hints, found.scanned).misplaced(candidate)
    return layout_to_read(candidate, reason), reason or PASSED


def layout_to_read(candidate: Candidate, reason: str) -> Layout:
    """How a layer is read if it is named: where no layout passed, its channels come first."""
    if candidate.places is None or reason[:3] != "(c)":
        return candidate.layout
    return next((each for each in candidate.layouts if each.is_maps), candidate.layout)
