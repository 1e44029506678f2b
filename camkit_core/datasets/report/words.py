"""What was found in sentences, and places and shares as people say them."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ...errors import counted
from .findings import Findings, Found

_ROWS, _COLUMNS = ("upper", "", "lower"), ("left", "", "right")


def sentences(findings: Findings) -> list[str]:
    """What was found, the most important first."""
    return [*_clusters(findings), *_mistakes(findings), *_blank(findings), *_errors(findings)]


def cluster_in_words(found: Found) -> str:
    """Why a cluster stands out, or how it lies."""
    cluster = found.cluster
    others = "" if math.isnan(cluster.elsewhere) else (
        f"; of other classes' maps, {percent(cluster.elsewhere)} do"
    )  # fmt: skip
    return (
        f"{percent(cluster.here)} of the class's maps depart most from its mean map at "
        f"{place_in_words(cluster.place)}{others}"
    )


def _clusters(findings: Findings) -> Iterator[str]:
    if not findings.clustered:
        yield "No class has the 20 maps that clusters need."
        return
    out = findings.suspicious
    if not out:
        yield (
            "Nothing stands out: no cluster of maps looks as if the model read a mark in place of "
            "the object."
        )
        return
    first = out[0]
    yield (
        f"One cluster of {str(first.kind)!r} stands out: {cluster_in_words(first)}. See whether "
        f"these images have something there that is not the object."
    )
    if len(out) > 1:
        names = dict.fromkeys(str(found.kind) for found in out[1:])
        more = ", ".join(list(names)[:5]) + (", ..." if len(names) > 5 else "")
        yield f"{counted(len(out) - 1, 'more cluster')} of this kind: {more}."


def _mistakes(findings: Findings) -> Iterator[str]:
    mistakes = findings.mistakes
    if mistakes is None:
        yield "No labels are known, so mistakes cannot be told; give them as a table of files."
        return
    share = percent(mistakes.wrong / mistakes.images)
    text = f"{mistakes.wrong:,} of {mistakes.images:,} images ({share}) are taken for another class"
    if mistakes.surest:
        worst = mistakes.surest[0]
        sure = "" if math.isnan(worst.probability) else f" at {percent(worst.probability)}"
        text += f"; the surest: {worst.image}, {worst.label}, as {worst.answer}{sure}"
    yield f"{text}."


def _blank(findings: Findings) -> Iterator[str]:
    for method, tally in findings.counts.blank.items():
        yield f"{counted_in_thousands(tally.rows, 'map')} of {method} have no evidence (blank)."


def _errors(findings: Findings) -> Iterator[str]:
    failed = len(findings.counts.failed)
    if failed:
        kinds = ", ".join(
            f"{tally.rows:,} {kind}" for kind, tally in findings.counts.errors.items()
        )
        yield f"{counted_in_thousands(failed, 'image')} could not be explained: {kinds}."


def place_in_words(box: tuple[float, float, float, float]) -> str:
    """Where a box of the picture lies, sides in [0, 1]: "the lower right corner", "the centre"."""
    left, top, right, bottom = box
    row, column = (min(int((a + b) / 2 * 3), 2) for a, b in ((top, bottom), (left, right)))
    names = [name for name in (_ROWS[row], _COLUMNS[column]) if name]
    near = min(left, top, 1 - right, 1 - bottom) < 0.1
    if not names:
        return "the centre"
    if len(names) == 2:
        return f"the {' '.join(names)}{' corner' if _in_corner(box) else ''}"
    return f"the {names[0]} {'edge' if near else 'part'}"


def _in_corner(box: tuple[float, float, float, float]) -> bool:
    left, top, right, bottom = box
    return min(left, 1 - right) < 0.2 and min(top, 1 - bottom) < 0.2


def percent(share: float) -> str:
    """A share as people say it: "48%", "0.3%", "none" for nan."""
    if math.isnan(share):
        return "-"
    value = 100 * share
    if 99.95 <= value < 100:
        return "over 99.9%"
    return f"{value:.1f}%" if 0 < value < 1 or 99 < value < 100 else f"{value:.0f}%"


def counted_in_thousands(count: int, thing: str) -> str:
    """A number of things: "1 image", "20,000 images"."""
    return f"{count:,} {thing}" + ("" if count == 1 else "s")
