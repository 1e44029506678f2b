"""Methods judged by metrics: what `compare(..., metrics=...)` does beside explaining."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
import torch

from ...errors import ArgumentError, quietly
from ...forward.chunks import bar as progress
from ...forward.counting import counting
from ...image import to_picture, visible
from ...plugins.contribution import BASELINE
from ...plugins.facts import Method
from ...probe.further.configured_method import ConfiguredMethod
from ...probe.probe import Probe
from ...results.assembly import ExplanationBuilder, Rows
from ...results.explanation import Explanation
from ...results.smoothing import PLAIN
from ...target_layer.choose import TargetLayer
from ..case import Case
from ..configured_metric import ConfiguredMetric, Metrics, configure_metrics
from .baselines import BASELINES, Baseline
from .judgement import Cost, Judgement, Measure

Judge = Callable[..., tuple[Rows, Judgement]]
Tell = Callable[[int, int, str], None]  # steps done, of how many, and what is done now
told_to: ContextVar[Tell | None] = ContextVar("told_to", default=None)  # who follows the progress


def judge_with(
    metrics: Metrics, settings: Mapping[str, Any], baselines: Mapping[str, Baseline] = BASELINES
) -> Judge:
    """A function that explains and judges, with the metrics looked up.

    Args:
        metrics: as of `compare`.
        settings: the other settings of the call.
        baselines: what is measured beside the methods, by its name.

    Raises:
        CamkitError: as `configure_metrics`, and for settings that change what is judged.
    """
    if settings.get("aug_smooth") or settings.get("guided"):
        raise ArgumentError(
            "metrics judge the maps of plain images; leave out aug_smooth and guided, or metrics"
        )
    return partial(_judge, configure_metrics(metrics), baselines)


def _judge(
    metrics: Sequence[ConfiguredMetric],
    baselines: Mapping[str, Baseline],
    new_probes: Callable[[], list[Probe]],
    seconds: float,
    methods: Sequence[ConfiguredMethod],
    layers: Sequence[TargetLayer],
    notes: Sequence[str],
) -> tuple[Rows, Judgement]:
    """The methods' explanations, a row for each target, and their judgement.

    Args:
        metrics: the metrics.
        baselines: what is measured beside the methods.
        new_probes: probes, one for each target, of the forward pass that all methods share. Each
            method gets new ones, so that it pays for what it computes.
        seconds: the duration of that pass, which counts for each method.
        methods: the methods.
        layers: the target layer, the only one.
        notes: the notes of every method's explanations.
    """
    if len(layers) > 1:
        raise ArgumentError(
            f"metrics judge the maps of one layer, and these are {len(layers)}; name one, such as "
            f"layer={layers[0].name!r}, or leave out metrics"
        )
    builders, costs = {}, {}
    for method in (makers := (*methods, *_beside(methods, baselines))):
        _tell(0, len(makers) * len(metrics), f"the map of {method.name}")
        builders[method.name], cost = _explained(method, new_probes(), notes)
        costs[method.name] = replace(cost, seconds=seconds + cost.seconds)
    measures = _measured(builders, metrics)
    explanations = {name: _explanations(each, layers) for name, each in builders.items()}
    by_target = explanations[methods[0].name]
    judgement = Judgement(
        explanations=explanations,
        measures=measures,
        costs={method.name: costs[method.name] for method in methods},
        names=[f"image {i}, {each.describe(i)}" for each in by_target for i in range(len(each))],
        pictures=_pictures(by_target[0]) * len(by_target),
        provenance=_provenance(by_target[0], metrics),
        metric_facts={metric.name: metric.facts for metric in metrics},
        method_facts={method.name: Method.of(method.function) for method in methods},
    )
    return tuple(zip(*(explanations[method.name] for method in methods), strict=True)), judgement


def _beside(
    methods: Sequence[ConfiguredMethod], baselines: Mapping[str, Baseline]
) -> list[ConfiguredMethod]:
    """The baselines whose names no method has."""
    names = [method.name for method in methods]
    return [
        ConfiguredMethod(name, baseline.function, {}, BASELINE)
        for name, baseline in baselines.items()
        if name not in names
    ]


def _explained(
    method: ConfiguredMethod, probes: Sequence[Probe], notes: Sequence[str]
) -> tuple[list[ExplanationBuilder], Cost]:
    """A builder for each target, with its map made, and the cost without the shared pass's time."""
    builders = [ExplanationBuilder(method, probe, notes) for probe in probes]
    with counting() as passes:
        for builder, probe in zip(builders, probes, strict=True):
            builder.add_view([probe], PLAIN)
    maps = len(probes) * len(probes[0].images)
    seconds, forward = sum(builder.seconds for builder in builders), passes["forward"] / maps
    recording = 1 / len(probes)  # one forward pass, shared by the targets
    return builders, Cost(
        seconds, forward + recording, passes["tail"] / maps, passes["backward"] / maps
    )


def _explanations(
    builders: Sequence[ExplanationBuilder], layers: Sequence[TargetLayer]
) -> tuple[Explanation, ...]:
    if builders[0].method.origin != BASELINE:
        return tuple(builder.explanation(layers, {}, False) for builder in builders)
    with quietly():
        return tuple(_meant(builder.explanation(layers, {}, False)) for builder in builders)


def _meant(baseline: Explanation) -> Explanation:
    """A baseline without the doubts about maps that are the same everywhere: it is meant to be."""
    flat = baseline.heatmap.flatten(1).any(1).tolist()
    pairs = list(zip(flat, baseline.reasons, strict=True))
    reasons = tuple(None if meant else reason for meant, reason in pairs)
    doubts = tuple(reason for meant, reason in pairs if meant and reason)
    notes = tuple(note for note in baseline.notes if not note.endswith(doubts))
    return replace(baseline, reasons=reasons, notes=notes)


def _measured(
    builders: Mapping[str, Sequence[ExplanationBuilder]], metrics: Sequence[ConfiguredMetric]
) -> tuple[Measure, ...]:
    """Each metric of each method and baseline; shows progress after two seconds."""
    measures: list[Measure] = []
    with progress(total=len(builders) * len(metrics)) as bar:
        for metric in metrics:
            for name, by_target in builders.items():
                bar.set_description_str(f"{metric.name} of {name}", refresh=False)
                _tell(len(measures), bar.total, f"{metric.name} of {name}")
                measures.append(_measure(by_target, metric))
                bar.update()
    return tuple(measures)


def _tell(done: int, total: int, what: str) -> None:
    if tell := told_to.get():
        tell(done, total, what)


def _measure(builders: Sequence[ExplanationBuilder], metric: ConfiguredMetric) -> Measure:
    """The values of a metric for one method, whose notes get those of the metric."""
    start, values = perf_counter(), []
    for builder in builders:
        ((cam,),) = builder.maps.values()
        case = Case(builder.plain, builder.method, cam)
        values.append(metric.values(case))
        builder.notes += [note for note in case.notes if note not in builder.notes]
    name, better = builders[0].method.name, bool(metric.facts.higher_is_better)
    return Measure(metric.name, name, torch.cat(values), better, perf_counter() - start)


def _provenance(first: Explanation, metrics: Sequence[ConfiguredMetric]) -> dict[str, Any]:
    """The provenance that all methods share, and the metrics' options."""
    of_method = ("method", "method_from", "options", "aug_smooth", "eigen_smooth")
    shared = {name: value for name, value in first.provenance.items() if name not in of_method}
    options = {
        metric.name: {option: str(value) for option, value in metric.options.items()}
        for metric in metrics
    }
    return {**shared, "metrics": options, "seed": 0}


def _pictures(explanation: Explanation) -> list[Any]:
    if explanation.images.ndim != 4:
        return []
    return [np.asarray(to_picture(visible(image))) for image in explanation.images]
