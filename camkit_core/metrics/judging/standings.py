"""How methods and baselines stand in each metric: means over images, and who leads beyond noise."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .bootstrap import LEAST, Interval, Values, difference_interval, mean_interval
from .judgement import BASELINES, Judgement, Measure

CHECKS = ("area", "randomisation")  # something to pass, or to know: more or less is not better
_ROUNDING = 1e-6  # of equal maps the values differ by this much and say nothing


@dataclass(frozen=True, eq=False)
class Standing:
    """One metric's values, image by image.

    Attributes:
        metric: its name.
        higher_is_better: its direction.
        values: by method, then by baseline: (N,), each image's mean over its targets, as the
            targets of one image are not independent; nan where no target has a value.
    """

    metric: str
    higher_is_better: bool
    values: dict[str, Values]

    @cached_property
    def means(self) -> dict[str, Interval]:
        """The mean over images of each method and baseline, with its interval."""
        return {name: mean_interval(values) for name, values in self.values.items()}

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods, without the baselines."""
        return tuple(name for name in self.values if name not in BASELINES)

    @property
    def baselines(self) -> tuple[str, ...]:
        """The baselines that were measured."""
        return tuple(name for name in self.values if name in BASELINES)

    @property
    def known(self) -> tuple[str, ...]:
        """The methods that have a value for some image."""
        return tuple(name for name in self.methods if math.isfinite(self.means[name].mean))

    @property
    def images(self) -> int:
        """How many images have a value by some method."""
        known = [np.isfinite(self.values[name]) for name in self.methods]
        return int(np.any(known, axis=0).sum()) if known else 0

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

    def _rounding(self, name: str, other: str) -> float:
        return _ROUNDING * max(abs(self.means[name].mean), abs(self.means[other].mean))


def standings(judgement: Judgement) -> tuple[Standing, ...]:
    """The standing of each metric, in the order in which they were measured."""
    metrics = dict.fromkeys(measure.metric for measure in judgement.measures)
    return tuple(
        _standing([one for one in judgement.measures if one.metric == metric], judgement)
        for metric in metrics
    )


def ranked(found: Iterable[Standing]) -> tuple[Standing, ...]:
    """Those whose order says which method is better: all but the checks."""
    return tuple(one for one in found if one.metric not in CHECKS)


def _standing(measures: list[Measure], judgement: Judgement) -> Standing:
    targets = len(next(iter(judgement.explanations.values())))
    values = {one.method: _by_image(one, targets) for one in measures}
    return Standing(measures[0].metric, measures[0].higher_is_better, values)


def _by_image(measure: Measure, targets: int) -> Values:
    values = measure.values.double().cpu().numpy().reshape(targets, -1)
    known = np.isfinite(values)
    sums, counts = np.where(known, values, 0).sum(0), known.sum(0)
    found: Values = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return found
