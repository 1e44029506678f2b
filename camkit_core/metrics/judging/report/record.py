"""A judgement as data for JSON: every number, and the verdict."""

from __future__ import annotations

import json
import math
from typing import Any

from ....results.provenance import camkit_version
from ..judgement import Judgement
from ..standings import Standing, standings_of
from ..verdict import verdict

SCHEMA = 1  # raised when a field is renamed, removed, or changes its meaning


def record(judgement: Judgement) -> dict[str, Any]:
    """The judgement, ready for JSON; None stands for a number that is not finite.

    A metric's `values` are in the order of `explained`, a value for each target of each image.
    `mean`, `low` and `high` are over images: each image counts once, with the mean of its targets.
    """
    document = {
        "schema": SCHEMA,
        "camkit": camkit_version(),
        "verdict": list(verdict(judgement)),
        "explained": _explained(judgement),
        "makers": [_maker(name, judgement) for name in judgement.explanations],
        "metrics": [_metric(standing, judgement) for standing in standings_of(judgement)],
        "provenance": judgement.provenance,
    }
    plain: dict[str, Any] = finite(document)
    return plain


def as_json(judgement: Judgement) -> str:
    """The record as text, indented, with a final newline."""
    return json.dumps(record(judgement), indent=2, allow_nan=False) + "\n"


def _explained(judgement: Judgement) -> list[dict[str, Any]]:
    summaries = [
        explanation.summary(index)
        for explanation in next(iter(judgement.explanations.values()))
        for index in range(len(explanation))
    ]
    return [
        {"name": name, "target": summary["target"], "score": summary["score"]}
        for name, summary in zip(judgement.names, summaries, strict=True)
    ]


def _maker(name: str, judgement: Judgement) -> dict[str, Any]:
    explanations, cost = judgement.explanations[name], judgement.costs.get(name)
    return {
        "name": name,
        "baseline": name not in judgement.methods,
        "layer": explanations[0].layer,
        "options": explanations[0].provenance.get("options", {}),
        "cost": vars(cost) if cost else None,
        "blank": [reason for each in explanations for reason in each.reasons],
        "notes": list(dict.fromkeys(note for each in explanations for note in each.notes)),
    }


def _metric(standing: Standing, judgement: Judgement) -> dict[str, Any]:
    measures = [each for each in judgement.measures if each.metric == standing.metric]
    return {
        "name": standing.metric,
        "higher_is_better": standing.higher_is_better,
        "ranks": not standing.facts.check,
        "best": standing.best,
        "leaders": list(standing.leaders),
        "results": {
            measure.method: {
                **standing.means[measure.method]._asdict(),
                "values": measure.values.tolist(),
                "seconds": measure.seconds,
            }
            for measure in measures
        },
    }


def finite(value: Any) -> Any:
    """The value, with None for numbers that are not finite."""
    if isinstance(value, dict):
        return {str(name): finite(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
