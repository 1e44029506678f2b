"""Judgements made up for tests: the numbers are given, the maps are as simple as they can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from camkit_core import Explanation
from camkit_core.metrics.judging.baselines import BASELINES
from camkit_core.metrics.judging.judgement import Cost, Judgement, Measure
from camkit_core.plugins import get_registry
from camkit_core.plugins.facts import Method, Metric

Numbers = Mapping[str, Sequence[float]]


def judgement(
    metrics: Mapping[str, Numbers],
    *,
    targets: int = 1,
    seconds: Mapping[str, float] | None = None,
    maps: Mapping[str, Tensor] | None = None,
    **others: Any,
) -> Judgement:
    """A judgement whose measures are the given numbers: by metric, method, explained image.

    Args:
        metrics: the values, target by target.
        targets: how many.
        seconds: each method's cost; one second where it is not given.
        maps: each method's map of all images and targets; a different one for each by default.
        others: further fields of the judgement.
    """
    makers = list(dict.fromkeys(name for numbers in metrics.values() for name in numbers))
    rows = len(next(iter(next(iter(metrics.values())).values())))
    made = {name: _explanations(name, at, rows, targets, maps) for at, name in enumerate(makers)}
    facts = {metric: Metric.of(installed("metric", metric)) for metric in metrics}
    measures = [
        Measure(
            metric,
            name,
            torch.tensor(values, dtype=torch.float64),
            facts[metric].higher_is_better is not False,
        )
        for metric, numbers in metrics.items()
        for name, values in numbers.items()
    ]
    cost = {name: Cost((seconds or {}).get(name, 1.0), 1.0, 0.0, 1.0) for name in makers}
    fields = {
        "costs": {name: spent for name, spent in cost.items() if name not in BASELINES},
        "names": [f"{row}.jpg, class {row}" for row in range(rows)],
        "pictures": [np.full((16, 16, 3), 40 * row % 256, np.uint8) for row in range(rows)],
        "provenance": {"model": "net", "layer": "last"},
        "metric_facts": facts,
        "method_facts": {name: Method.of(installed("method", name)) for name in makers},
    }
    return Judgement(made, tuple(measures), **{**fields, **others})


def installed(kind: str, name: str) -> Any:
    """The function of an installed plugin; None for a name that is made up."""
    rows = [row for row in get_registry().contributions(kind) if row.name == name]
    return rows[0].load() if rows else None


def _explanations(
    name: str, at: int, rows: int, targets: int, maps: Mapping[str, Tensor] | None
) -> tuple[Explanation, ...]:
    images = rows // targets
    cam = torch.zeros(images, 4, 4)
    cam[:, at % 4, at // 4] = 1.0
    cam = (maps or {}).get(name, cam)
    blank = tuple(None if values.any() else "no positive evidence" for values in cam)
    return tuple(
        Explanation(
            cam=cam,
            logits=None,
            target=torch.full((images,), target),
            score=torch.full((images,), 2.5),
            layer="last",
            method=name,
            adapter="made up",
            notes=(),
            reasons=blank,
            images=torch.zeros(images, 3, 16, 16),
        )
        for target in range(targets)
    )
