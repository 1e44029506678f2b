"""How methods and baselines stand in each metric: means over images, and who leads beyond noise."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ...plugins.facts import Metric
from .baselines import BASELINES
from .bootstrap import LEAST, Interval, Values, difference_interval, mean_interval
from .judgement import Judgement, Measure
from .wording import better_is, spaced

_ROUNDING = 1e-6  # relative: so much do the values of equal maps differ


@dataclass(frozen=True, eq=False)
class Standing:
    """One metric's values, image by image.

    Attributes:
        metric: its name.
        higher_is_better: its direction.
        values: by method, then by baseline: (N,), each image's mean over its targets, as the
            targets of one image are not independent; nan where no target has a value.
        facts: what the metric states of itself.
    """

    metric: str
    higher_is_better: bool
    values: dict[str, Values]
    facts: Metric = field(default_factory=Metric)

    @cached_property
    def means(self) -> dict[str, Interval]:
        """The mean over images of each method and baseline, with its interval."""
        return {name: mean_interval(values) for name, values in self.values.items()}

    @property
    def directed(self) -> str:
        """The metric in words, with its direction: "average drop (lower is better)"."""
        return f"{spaced(self.metric)} ({better_is(self.higher_is_better)})"

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods, without the baselines."""
        return tuple(name for name in self.values if name not in BASELINES)

    @property
    def baselines(self) -> tuple[str, ...]:
        """The baselines that were measured."""
        return tuple(name for name in self.values if name in BASELINES)

    @cached_property
    def beatable(self) -> tuple[str, ...]:
        """The baselines that have a value in this metric and that a method can beat."""
        unbeatable = set(self.facts.unbeatable)
        return tuple(
            name
            for name in self.baselines
            if not {name, "*"} & unbeatable and math.isfinite(self.means[name].mean)
        )

    @property
    def known(self) -> tuple[str, ...]:
        """The methods that have a value for some image."""
        return tuple(name for name in self.methods if math.isfinite(self.means[name].mean))

    @property
    def images(self) -> int:
        """How many images have a value by some method."""
        finite = [np.isfinite(self.values[name]) for name in self.methods]
        return int(np.any(finite, axis=0).sum()) if finite else 0

    @property
    def few(self) -> bool:
        """Whether there are too few images to tell anything from noise."""
        return self.images < LEAST

    @property
    def best(self) -> str | None:
        """The method with the best mean; of several, the first; None if no method has a value."""
        sign = 1 if self.higher_is_better else -1
        return max(self.known, key=lambda name: sign * self.means[name].mean, default=None)

    @cached_property
    def leaders(self) -> tuple[str, ...]:
        """The best method, then those that do not differ from it beyond noise."""
        best = self.best
        if best is None:
            return ()
        others = (name for name in self.known if name != best)
        return (best, *(name for name in others if not self.beyond_noise(best, name)))

    @property
    def failing(self) -> tuple[str, ...]:
        """The methods whose mean is past the metric's limit."""
        limit, sign = self.facts.limit, 1 if self.higher_is_better else -1
        if limit is None:
            return ()
        return tuple(name for name in self.methods if sign * self.means[name].mean <= sign * limit)

    def gain(self, name: str, other: str) -> Interval:
        """By how much `name` is better than `other`, paired by image: positive is better."""
        first, second = (name, other) if self.higher_is_better else (other, name)
        return difference_interval(self.values[first], self.values[second])

    def beyond_noise(self, name: str, other: str) -> bool:
        """Whether `name` is better than `other` with 95% confidence; never with few images."""
        return self.gain(name, other).low > self._rounding(name, other)

    def ahead(self, name: str, other: str) -> bool:
        """Whether `name` beats `other`: beyond noise, or by the mean where images are few."""
        bound = self.gain(name, other).mean if self.few else self.gain(name, other).low
        return bound > self._rounding(name, other)

    def unbeaten(self, name: str) -> tuple[str, ...]:
        """The baselines that `name` does not beat, of those that can be beaten."""
        return tuple(each for each in self.beatable if not self.ahead(name, each))

    def _rounding(self, name: str, other: str) -> float:
        return _ROUNDING * max(abs(self.means[name].mean), abs(self.means[other].mean))


def standings_of(judgement: Judgement) -> tuple[Standing, ...]:
    """The standing of each metric, in the order in which they were measured."""
    by_metric: dict[str, list[Measure]] = {}
    for measure in judgement.measures:
        by_metric.setdefault(measure.metric, []).append(measure)
    return tuple(_standing(measures, judgement) for measures in by_metric.values())


def ranked(standings: Iterable[Standing]) -> tuple[Standing, ...]:
    """Those whose order says which method is better: all but the checks."""
    return tuple(standing for standing in standings if not standing.facts.check)


def any_few(standings: Iterable[Standing]) -> bool:
    """Whether some metric has too few images to tell anything from noise."""
    return any(standing.few for standing in standings)


def _standing(measures: list[Measure], judgement: Judgement) -> Standing:
    metric, targets = measures[0].metric, len(next(iter(judgement.explanations.values())))
    values = {measure.method: _by_image(measure, targets) for measure in measures}
    facts = judgement.metric_facts.get(metric, Metric())
    return Standing(metric, measures[0].higher_is_better, values, facts)


def _by_image(measure: Measure, targets: int) -> Values:
    """The mean over the targets of each image: (N,)."""
    values = measure.values.double().cpu().numpy().reshape(targets, -1)
    finite = np.isfinite(values)
    sums, counts = np.where(finite, values, 0).sum(0), finite.sum(0)
    means: Values = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return means
