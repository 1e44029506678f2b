"""Bootstrap intervals over images: of a mean, and of the mean difference between two methods."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

Values = np.ndarray[Any, np.dtype[np.float64]]

LEAST = 6  # with 5 images, even equal signs are no evidence at 5%: 2 * 0.5**5 = 0.0625
_RESAMPLES, _AT_ONCE = 5000, 2**20


class Interval(NamedTuple):
    """A mean and the bounds of its interval; nan where there are too few values."""

    mean: float
    low: float
    high: float


def mean_interval(values: Values, *, level: float = 0.95, seed: int = 0) -> Interval:
    """The mean of `values` (n,) and its expanded percentile bootstrap interval.

    Plain percentiles are too narrow for few values: of 6 normal ones they cover the true mean in
    86% of cases in place of 95%. Expanded ones (Hesterberg 2015, arXiv 1411.5279) take
    quantiles further out, as a t interval does, and cover it in 93%.

    Args:
        values: a value for each image; values that are not finite are left out.
        level: of confidence, in (0, 1).
        seed: of the resampling, which is the same for equal arguments.

    Returns:
        Mean, low, high. With fewer than `LEAST` values, low and high are nan, as the coverage of
        an interval would be far below `level`. Without a value, the mean is nan too.
    """
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    count = len(finite)
    if count == 0:
        return Interval(math.nan, math.nan, math.nan)
    mean = float(finite.mean())
    if count < LEAST:
        return Interval(mean, math.nan, math.nan)
    generator = np.random.default_rng(seed)
    block = max(1, _AT_ONCE // count)  # resamples that are drawn at once, to bound the memory
    sizes = [min(block, _RESAMPLES - start) for start in range(0, _RESAMPLES, block)]
    means = [finite[generator.integers(count, size=(size, count))].mean(1) for size in sizes]
    tail = tail_of(level, count)
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail])
    return Interval(mean, float(low), float(high))


def tail_of(level: float, count: int) -> float:
    """The share of resamples to leave out on each side: less than (1 - level) / 2.

    With it, an interval of normal values is about as wide as the t interval of `count` values.
    """
    normal = NormalDist()
    widened = math.sqrt(count / (count - 1)) * _t_quantile((1 + level) / 2, count - 1)
    return normal.cdf(-widened)


def _t_quantile(probability: float, freedom: int) -> float:
    # Cornish and Fisher's expansion about the normal quantile; 0.1% off for 5 degrees of freedom.
    z = NormalDist().inv_cdf(probability)
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )


def difference_interval(
    first: Values, second: Values, *, level: float = 0.95, seed: int = 0
) -> Interval:
    """The mean of `first` - `second`, both (n,), and its paired bootstrap interval.

    Pairs with a value that is not finite are left out. Arguments and result are those of
    `mean_interval`.
    """
    differences = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    return mean_interval(differences, level=level, seed=seed)
