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
from ...forward.recording import Recording
from ...image import to_picture, visible
from ...layers.choose import Chosen
from ...plugins.lookup import look_up, refuse_unknown
from ...plugins.options import checked
from ...probe.probe import Probe, probes
from ...results.assembly import Answer
from ...results.explanation import Explanation
from ...results.methods import Plan
from ...results.smoothing import views
from ..case import Case
from .baselines import MAPS
from .judgement import Cost, Judgement, Measure

BASELINE = "baseline"  # where a map comes from that no method made
Metric = Any  # a function of a `Case`
Rows = tuple[tuple[Explanation, ...], ...]
Metrics = Sequence[str | Metric] | Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Asked:
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


def asked(metrics: Metrics) -> list[Asked]:
    """The metrics, found and checked.

    Raises:
        UnknownName: for a metric that is not installed, or an option that it does not take.
        PluginError: if it cannot be loaded, or does not say which way is better.
        CamkitError: for no metric at all, or a value an option does not allow.
    """
    if isinstance(metrics, str) or not metrics:
        raise CamkitError(f"expected a list of metrics, at least one; got {metrics!r}")
    given = metrics if isinstance(metrics, Mapping) else {}
    return [_asked(one, given.get(one, {})) for one in metrics]


def _asked(metric: str | Metric, options: Mapping[str, Any]) -> Asked:
    name, function, origin = look_up("metric", metric)
    refuse_unknown(options, [(name, function)])
    direction = getattr(function, "higher_is_better", None)
    if not isinstance(direction, bool):
        raise PluginError(
            f"metric {name!r} ({origin}) does not say which way is better; give its function the "
            f"attribute higher_is_better, True or False"
        )
    return Asked(name, function, checked(function, options), direction)


def judging(metrics: Metrics) -> Callable[..., tuple[Rows, Judgement]]:
    """What `compare` calls to explain and judge, with the metrics found and checked.

    Raises:
        CamkitError: as `asked`.
    """
    return partial(_judged, asked(metrics))


def _judged(
    metrics: Sequence[Asked],
    recording: Recording,
    seconds: float,
    targets: Sequence[Any],
    settings: Mapping[str, Any],
    plans: Sequence[Plan],
    layers: Sequence[Chosen],
    notes: Sequence[str],
) -> tuple[Rows, Judgement]:
    """The methods' explanations, a row for each target, and what the metrics say of them.

    Args:
        metrics: what is asked of them.
        recording: the forward pass, which all of them share.
        seconds: what it took, which counts for each.
        targets: T, resolved.
        settings: of probes.
        plans: the methods.
        layers: the target layer, the only one.
        notes: what is to be told whatever the method.
    """
    if len(layers) > 1:
        raise CamkitError("metrics judge the maps of one layer; name one, or leave out metrics")
    names = [plan.name for plan in plans]
    baselines = [
        Plan(name, function, {}, BASELINE) for name, function in MAPS.items() if name not in names
    ]
    answers, costs = {}, {}
    for plan in (*plans, *baselines):
        own = probes(recording, targets, **settings)
        answers[plan.name], cost = _explained(plan, own, notes)
        costs[plan.name] = replace(cost, seconds=seconds + cost.seconds)
    measures = _measured(answers, metrics)
    explanations = {name: _told(those, layers) for name, those in answers.items()}
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


def _explained(plan: Plan, own: Sequence[Probe], notes: Sequence[str]) -> tuple[list[Answer], Cost]:
    """An answer for each target, and what it took beside the recording."""
    answers = [Answer(plan, probe, notes) for probe in own]
    (plain,) = views(False)
    with counting() as passes:
        for answer, probe in zip(answers, own, strict=True):
            answer.ask(probe, plain)
    each = len(own) * len(own[0].images)
    seconds, forward = sum(one.seconds for one in answers), passes["forward"] / each
    shared = 1 / len(own)  # the recording
    return answers, Cost(
        seconds, forward + shared, passes["tail"] / each, passes["backward"] / each
    )


def _told(answers: Sequence[Answer], layers: Sequence[Chosen]) -> tuple[Explanation, ...]:
    """The explanations; that a uniform map is the same everywhere is nothing to warn of."""
    with warnings.catch_warnings():
        if answers[0].plan.origin == BASELINE:
            warnings.simplefilter("ignore", CamkitWarning)
        return tuple(one.explanation(layers, {}, False) for one in answers)


def _measured(
    answers: Mapping[str, Sequence[Answer]], metrics: Sequence[Asked]
) -> tuple[Measure, ...]:
    """Each metric of each method; shows progress after two seconds."""
    measures = []
    with tqdm(total=len(answers) * len(metrics), delay=2, disable=None, leave=False) as bar:
        for metric in metrics:
            for name, those in answers.items():
                bar.set_description_str(f"{metric.name} of {name}", refresh=False)
                measures.append(_measure(those, metric))
                bar.update()
    return tuple(measures)


def _measure(answers: Sequence[Answer], metric: Asked) -> Measure:
    """What a metric says of one method."""
    start, values = perf_counter(), []
    for answer in answers:
        ((cam,),) = answer.maps.values()
        case = Case(answer.plain, answer.plan, cam)
        values.append(metric.ask(case))
        answer.notes += [note for note in case.notes if note not in answer.notes]
    name, better = answers[0].plan.name, metric.higher_is_better
    return Measure(metric.name, name, torch.cat(values), better, perf_counter() - start)


def _provenance(first: Explanation, metrics: Sequence[Asked]) -> dict[str, Any]:
    """Where all of it comes from: what is not one method's own, and the metrics' options."""
    own = ("method", "method_from", "options", "aug_smooth", "eigen_smooth")
    shared = {name: value for name, value in first.provenance.items() if name not in own}
    options = {one.name: {key: str(value) for key, value in one.options.items()} for one in metrics}
    return {**shared, "metrics": options, "seed": 0}


def _pictures(explanation: Explanation) -> list[Any]:
    if explanation.images.ndim != 4:
        return []
    return [np.asarray(to_picture(visible(image))) for image in explanation.images]
