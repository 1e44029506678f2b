"""A judgement as one self-contained HTML file: no network, no script, no font."""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from ....errors import counted
from ....results.whole_files import write_whole
from ..baselines import BASELINES
from ..judgement import Judgement
from ..standings import standings_of
from ..verdict import verdict
from ..wording import spaced
from .frame import definitions, framed, report_path
from .pictures import picture_grid
from .record import as_json
from .tables import cost_table, metric_table


def save(judgement: Judgement, path: str | Path) -> Path:
    """Write the report (.html) or the data (.json) to a file; returns the path.

    Raises:
        InputError: for a file of another type; a PathError for one that cannot be written.
    """
    path = report_path(path)
    write_whole(path, as_json(judgement) if path.suffix.lower() == ".json" else html(judgement))
    return path


def html(judgement: Judgement) -> str:
    """The whole page, with all texts from outside escaped."""
    template = Template(files(__package__).joinpath("report.html").read_text("utf-8"))
    heading = _heading(judgement)
    body = template.substitute(
        verdict=verdict(judgement).html(),
        pictures=picture_grid(judgement),
        metrics=metric_table(judgement),
        cost=cost_table(judgement),
        reading=_reading(judgement),
        notes=_notes(judgement),
        provenance=definitions(_provenance(judgement.provenance), "provenance"),
    )
    return framed(heading, _meta(judgement), body)


def _heading(judgement: Judgement) -> str:
    methods = counted(len(judgement.methods), "method")
    return f"{methods} on {judgement.provenance.get('model', 'a model')}"


def _meta(judgement: Judgement) -> str:
    first = next(iter(judgement.explanations.values()))
    provenance = judgement.provenance
    parts = [
        f"weights {_without_hash(provenance['weights'])}" if "weights" in provenance else "",
        f"layer {first[0].layer}",
        counted(len(first[0]), "image"),
        f"{len(first)} targets each" if len(first) > 1 else "",
        counted(len({measure.metric for measure in judgement.measures}), "metric"),
    ]
    return ", ".join(part for part in parts if part)


def _without_hash(weights: Any) -> str:
    """What the weights are called; the hash of their file stands in the provenance."""
    return str(weights).partition(" sha256:")[0]


def _reading(judgement: Judgement) -> str:
    lines = [
        (spaced(standing.metric), escape(standing.facts.reading))
        for standing in standings_of(judgement)
        if standing.facts.reading
    ]
    meanings = ", ".join(
        f"{name} is {baseline.meaning}"
        for name, baseline in BASELINES.items()
        if name in judgement.explanations
    )
    if meanings:
        lines.append(("baselines", escape(f"Maps that know nothing of the model: {meanings}.")))
    lines.append(
        (
            "95%",
            "A bootstrap interval over images. One of two methods is called better where the "
            "interval of their difference, paired by image, leaves out zero.",
        )
    )
    return definitions(lines)


def _notes(judgement: Judgement) -> str:
    lines = [
        (name, f"<ul>{''.join(f'<li>{escape(note)}</li>' for note in notes)}</ul>")
        for name in judgement.methods
        if (notes := dict.fromkeys(n for each in judgement.explanations[name] for n in each.notes))
    ]
    return f'<h2 id="notes">Notes</h2>\n{definitions(lines)}' if lines else ""


def _provenance(provenance: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (spaced(name), escape(value if isinstance(value, str) else json.dumps(value, default=str)))
        for name, value in provenance.items()
    ]
