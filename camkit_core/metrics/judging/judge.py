"""Metrics asked of methods: what `compare(..., metrics=...)` does beside explaining."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from ...errors import CamkitError, CamkitWarning, PluginError
from ...forward.counting import counting
from ...image import to_picture, visible
from ...layers.choose import TargetLayer
from ...plugins.lookup import look_up, refuse_unknown
from ...plugins.options import checked
from ...probe.probe import Probe
from ...results.assembly import ExplanationBuilder, Rows
from ...results.configured_method import ConfiguredMethod
from ...results.explanation import Explanation
from ...results.smoothing import PLAIN
from ..case import Case
from .baselines import MAPS
from .judgement import Cost, Judgement, Measure

BASELINE = "baseline"  # where a map comes from that no method made
Metric = Any  # a function of a `Case`
Judge = Callable[..., tuple[Rows, Judgement]]
Metrics = Sequence[str | Metric] | Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class ConfiguredMetric:
    """A metric with its options, ready to be asked.

    Attributes:
        name: its name.
        function: from a `Case` to values (N,).
        options: its keyword arguments.
        higher_is_better: its direction.
    """

    name: str
    function: Metric
    options: dict[str, Any]
    higher_is_better: bool

    def ask(self, case: Case) -> Tensor:
        """Its values (N,), float64, on the CPU.

        Raises:
            CamkitError: if it gives anything else than a value for each image.
        """
        values = self.function(case, **self.options)
        if not isinstance(values, Tensor) or values.shape != (len(case.images),):
            got = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
            raise CamkitError(
                f"metric {self.name!r} must return a value for each of {len(case.images)} images, "
                f"a tensor (N,), and returned {got}"
            )
        return values.detach().cpu().double()


def configure_metrics(metrics: Metrics) -> list[ConfiguredMetric]:
    """The metrics, found and checked.

    Raises:
        UnknownName: for a metric that is not installed, or an option that it does not take.
        PluginError: if it cannot be loaded, or does not say which way is better.
        CamkitError: for no metric at all, or a value an option does not allow.
    """
    if isinstance(metrics, str) or not metrics:
        raise CamkitError(f"expected a list of metrics, at least one; got {metrics!r}")
    given = metrics if isinstance(metrics, Mapping) else {}
    return [_configured(one, given.get(one, {})) for one in metrics]


def _configured(metric: str | Metric, options: Mapping[str, Any]) -> ConfiguredMetric:
    name, function, origin = look_up("metric", metric)
    refuse_unknown(options, [(name, function)])
    direction = getattr(function, "higher_is_better", None)
    if not isinstance(direction, bool):
        raise PluginError(
            f"metric {name!r} ({origin}) does not say which way is better; give its function the "
            f"attribute higher_is_better, True or False"
        )
    return ConfiguredMetric(name, function, checked(function, options), direction)


def judge_with(metrics: Metrics) -> Judge:
    """What explains and judges in place of explaining alone, with the metrics looked up.

    Raises:
        CamkitError: as `configure_metrics`.
    """
    return partial(_judge, configure_metrics(metrics))


def _judge(
    metrics: Sequence[ConfiguredMetric],
    ask: Callable[[], list[Probe]],
    seconds: float,
    methods: Sequence[ConfiguredMethod],
    layers: Sequence[TargetLayer],
    notes: Sequence[str],
) -> tuple[Rows, Judgement]:
    """The methods' explanations, a row for each target, and what the metrics say of them.

    Args:
        metrics: what is asked of them.
        ask: new probes, one for each target, of the forward pass that all methods share: what a
            method computes counts as its own.
        seconds: what that pass took, which counts for each.
        methods: the methods.
        layers: the target layer, the only one.
        notes: what is to be told whatever the method.
    """
    if len(layers) > 1:
        raise CamkitError("metrics judge the maps of one layer; name one, or leave out metrics")
    names = [method.name for method in methods]
    baselines = [
        ConfiguredMethod(name, function, {}, BASELINE)
        for name, function in MAPS.items()
        if name not in names
    ]
    builders, costs = {}, {}
    for method in (*methods, *baselines):
        builders[method.name], cost = _explained(method, ask(), notes)
        costs[method.name] = replace(cost, seconds=seconds + cost.seconds)
    measures = _measured(builders, metrics)
    explanations = {name: _explanations(by_target, layers) for name, by_target in builders.items()}
    rows = tuple(zip(*(explanations[name] for name in names), strict=True))
    first = [one for (one, *_) in rows]
    judgement = Judgement(
        explanations,
        measures,
        {name: costs[name] for name in names},
        [f"image {i}, {one.describe(i)}" for one in first for i in range(len(one))],
        _pictures(first[0]) * len(first),
        _provenance(first[0], metrics),
    )
    return rows, judgement


def _explained(
    method: ConfiguredMethod, probes: Sequence[Probe], notes: Sequence[str]
) -> tuple[list[ExplanationBuilder], Cost]:
    """A builder for each target, its map made, and what that took beside the recording."""
    builders = [ExplanationBuilder(method, probe, notes) for probe in probes]
    with counting() as passes:
        for builder, probe in zip(builders, probes, strict=True):
            builder.add_view(probe, PLAIN)
    each = len(probes) * len(probes[0].images)
    seconds, forward = sum(builder.seconds for builder in builders), passes["forward"] / each
    shared = 1 / len(probes)  # the recording
    return builders, Cost(
        seconds, forward + shared, passes["tail"] / each, passes["backward"] / each
    )


def _explanations(
    builders: Sequence[ExplanationBuilder], layers: Sequence[TargetLayer]
) -> tuple[Explanation, ...]:
    """The explanations; that a uniform map is the same everywhere is nothing to warn of."""
    with warnings.catch_warnings():
        if builders[0].method.origin == BASELINE:
            warnings.simplefilter("ignore", CamkitWarning)
        return tuple(builder.explanation(layers, {}, False) for builder in builders)


def _measured(
    builders: Mapping[str, Sequence[ExplanationBuilder]], metrics: Sequence[ConfiguredMetric]
) -> tuple[Measure, ...]:
    """Each metric of each method; shows progress after two seconds."""
    measures = []
    with tqdm(total=len(builders) * len(metrics), delay=2, disable=None, leave=False) as bar:
        for metric in metrics:
            for name, by_target in builders.items():
                bar.set_description_str(f"{metric.name} of {name}", refresh=False)
                measures.append(_measure(by_target, metric))
                bar.update()
    return tuple(measures)


def _measure(builders: Sequence[ExplanationBuilder], metric: ConfiguredMetric) -> Measure:
    """What a metric says of one method."""
    start, values = perf_counter(), []
    for builder in builders:
        ((cam,),) = builder.maps.values()
        case = Case(builder.plain, builder.method, cam)
        values.append(metric.ask(case))
        builder.notes += [note for note in case.notes if note not in builder.notes]
    name, better = builders[0].method.name, metric.higher_is_better
    return Measure(metric.name, name, torch.cat(values), better, perf_counter() - start)


def _provenance(first: Explanation, metrics: Sequence[ConfiguredMetric]) -> dict[str, Any]:
    """Where all of it comes from: what is not one method's own, and the metrics' options."""
    own = ("method", "method_from", "options", "aug_smooth", "eigen_smooth")
    shared = {name: value for name, value in first.provenance.items() if name not in own}
    options = {one.name: {key: str(value) for key, value in one.options.items()} for one in metrics}
    return {**shared, "metrics": options, "seed": 0}


def _pictures(explanation: Explanation) -> list[Any]:
    if explanation.images.ndim != 4:
        return []
    return [np.asarray(to_picture(visible(image))) for image in explanation.images]
