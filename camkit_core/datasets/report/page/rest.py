"""The page's parts beside the maps: what is blank or failed, notes, how to read it, provenance."""

from __future__ import annotations

import json
from html import escape

from ....metrics.judging.report.frame import definitions
from ..counts import Tally
from ..findings import Findings
from ..masks import MOST as MASKS
from ..suspicion import STANDS_OUT
from .parts import table
from .pictures import Thumbnails


def counts_part(findings: Findings) -> str:
    """Blank maps by method, errors by kind, each with examples."""
    counts = findings.counts
    rows = [
        (f"blank, {method}", f"{tally.rows:,}", _few(tally))
        for method, tally in counts.blank.items()
    ]
    rows += [(kind, f"{tally.rows:,}", _few(tally)) for kind, tally in counts.errors.items()]
    if not rows:
        return "<p>No map is blank, and every image could be explained.</p>"
    return table(("what", "rows", "examples"), rows, "Blank maps and errors")


def _few(tally: Tally) -> str:
    more = ", ..." if tally.rows > len(tally.examples) else ""
    return ", ".join(tally.examples) + more


def notes_part(findings: Findings) -> str:
    """Notes by how many maps have them; "" if there are none."""
    words = findings.maps.metadata.get("notes", {})
    notes = sorted(findings.counts.notes.items(), key=lambda item: -item[1].rows)
    rows = [
        (code, f"{tally.rows:,}", str(words.get(code, code)), _few(tally)) for code, tally in notes
    ]
    return table(("note", "rows", "what it says", "examples"), rows, "Notes") if rows else ""


def reading_part(findings: Findings, thumbnails: Thumbnails) -> str:
    """What each number is."""
    lines = {
        "border": "The share of a map's positive evidence in the outer tenth of the picture; 36% "
        "if it is spread evenly.",
        "entropy": "How spread out a map is: 0 is all in one cell, 1 is the same everywhere.",
        "off the others": "How much of a class's mean map lies elsewhere than the mean map of the "
        "other classes: 0% is the same, 100% is nothing in common.",
        "clusters": "Maps of a class, small and normalised, joined to their nearest neighbours; "
        "the largest gap between eigenvalues tells how many clusters there are (spectral "
        "relevance analysis, SpRAy). Of a large class a sample is taken, always the same.",
        "stands out": "A cluster's score grows with the share of the class's maps that depart most "
        "from their mean in one place, where other classes' maps do not; with its share at the "
        "border; and with how much its maps are alike. From "
        f"{STANDS_OUT} on it stands out. A mark that moves about makes no cluster, and a mark on "
        "nearly all of a class is its mean: see where its maps lie.",
    }
    if findings.grounding:
        lines["masks"] = (
            "Pointing game: how often the highest place of the map lies in the mask. Energy: the "
            f"share of the evidence that lies in it. Of more than {MASKS:,} maps a sample is taken."
        )
    if thumbnails.found and not findings.windows.known:
        lines["pictures"] = (
            "How pictures were prepared is not known, so maps lie over the whole of them; "
            "dataset_report(transform=...) puts them in their places."
        )
    if thumbnails.full:
        lines["left out"] = "The page has as many pictures as it can hold; later ones are left out."
    return definitions((name, escape(text)) for name, text in lines.items())


def provenance_part(findings: Findings) -> str:
    """What the maps are of."""
    facts = {name: value for name, value in findings.maps.metadata.items() if name != "notes"}
    return definitions(
        (
            (
                name.replace("_", " "),
                escape(value if isinstance(value, str) else json.dumps(value, default=str)),
            )
            for name, value in facts.items()
        ),
        "provenance",
    )
