"""The report as data for JSON: every number of the page, and more classes than it shows."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

import numpy as np

from ...results.provenance import camkit_version
from .classes import ClassPlaces
from .counts import Tally
from .findings import Findings, Found
from .gathered import Kind
from .masks import Grounding
from .words import place_in_words, sentences

SCHEMA = 1  # raised when a field is renamed, removed, or changes its meaning
EXAMPLES = 12  # images of a cluster


def record(findings: Findings) -> dict[str, Any]:
    """The findings, ready for JSON; None stands for a number that is not finite.

    `row` is the position in the opened data set.
    """
    document = {
        "schema": SCHEMA,
        "camkit": camkit_version(),
        "summary": sentences(findings),
        "rows": findings.counts.rows,
        "images": findings.counts.images,
        "labels": findings.labels or None,
        "mistakes": _mistakes(findings),
        "clusters": [_cluster(found, findings) for found in findings.clusters],
        "classes": [_class(each) for each in findings.classes],
        "grounding": [_grounding(kind, each) for kind, each in findings.grounding],
        "blank": _tallies(findings.counts.blank),
        "errors": _tallies(findings.counts.errors),
        "notes": _notes(findings),
        "layers": {method: list(layers) for method, layers in findings.counts.layers.items()},
        "provenance": findings.maps.metadata,
    }
    plain: dict[str, Any] = _plain(document)
    return plain


def as_json(findings: Findings) -> str:
    """The record as text, indented, with a final newline."""
    return json.dumps(record(findings), indent=1, allow_nan=False) + "\n"


def _mistakes(findings: Findings) -> dict[str, Any] | None:
    mistakes = findings.mistakes
    if mistakes is None:
        return None
    surest = [asdict(each) for each in mistakes.surest]
    for each in surest:
        each["row"] = each.pop("position")
    return {"images": mistakes.images, "wrong": mistakes.wrong, "surest": surest}


def _cluster(found: Found, findings: Findings) -> dict[str, Any]:
    cluster = found.cluster
    shown = EXAMPLES if cluster.stands_out else 0
    rows = found.positions[:shown].tolist()
    return {
        **_kind(found.kind),
        "stands_out": cluster.stands_out,
        "score": cluster.score,
        "sampled_maps": len(cluster.members),
        "share": cluster.share,
        "of_sampled": found.sampled,
        "of_maps": found.maps,
        "place": cluster.place,
        "place_in_words": place_in_words(cluster.place),
        "here": cluster.here,
        "elsewhere": cluster.elsewhere,
        "border": cluster.border,
        "looseness": cluster.looseness,
        "eigengap": cluster.gap,
        "mean": cluster.mean,
        "examples": [{"row": row, "image": findings.maps[row].id} for row in rows],
    }


def _class(each: ClassPlaces) -> dict[str, Any]:
    return {
        **_kind(each.kind),
        "maps": each.maps,
        "blank": each.blank,
        "border": each.border,
        "entropy": each.entropy,
        "centre": each.centre,
        "off": each.off,
        "mean": each.mean,
    }


def _grounding(kind: Kind, each: Grounding) -> dict[str, Any]:
    return {
        **_kind(kind),
        "images": each.images,
        "pointing_game": each.hits / each.images,
        "energy": float(np.mean(each.energies)),
        "mask_area": float(np.mean(each.areas)),
    }


def _kind(kind: Kind) -> dict[str, Any]:
    return {"method": kind.method, "class": kind.name, "class_index": kind.index}


def _tallies(tallies: dict[str, Tally]) -> dict[str, Any]:
    return {name: asdict(tally) for name, tally in tallies.items()}


def _notes(findings: Findings) -> dict[str, Any]:
    words = findings.maps.metadata.get("notes", {})
    return {
        code: {"note": words.get(code, code), **asdict(tally)}
        for code, tally in findings.counts.notes.items()
    }


def _plain(value: Any) -> Any:
    """The value with arrays as lists, numbers of five digits, and None for what is not finite."""
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    return value
