"""Bootstrap intervals over images: of a mean, and of the mean difference between two methods."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

Values = np.ndarray[Any, np.dtype[np.float64]]

LEAST = 6  # below it even a unanimous sign is no evidence at 5%: 2 * 0.5**5 = 0.0625
_RESAMPLES, _AT_ONCE = 2000, 2**20


class Interval(NamedTuple):
    """A mean and the bounds of its interval; nan for what the values do not tell."""

    mean: float
    low: float
    high: float


def mean_interval(values: Values, *, level: float = 0.95, seed: int = 0) -> Interval:
    """The mean of `values` (n,) and its percentile bootstrap interval (Efron 1979).

    Args:
        values: one for each image; what is not finite is left out.
        level: of confidence, in (0, 1).
        seed: of the resampling, which is the same for equal arguments.

    Returns:
        Mean, low, high. Of fewer than `LEAST` values there is no interval, as its coverage would
        be far below `level`: low and high are nan; of none the mean is, too.
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    count = len(known)
    if count == 0:
        return Interval(math.nan, math.nan, math.nan)
    mean = float(known.mean())
    if count < LEAST:
        return Interval(mean, math.nan, math.nan)
    generator = np.random.default_rng(seed)
    block = max(1, _AT_ONCE // count)  # resamples whose picks fit in memory together
    sizes = [min(block, _RESAMPLES - start) for start in range(0, _RESAMPLES, block)]
    means = [known[generator.integers(count, size=(size, count))].mean(1) for size in sizes]
    low, high = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2])
    return Interval(mean, float(low), float(high))


def difference_interval(
    first: Values, second: Values, *, level: float = 0.95, seed: int = 0
) -> Interval:
    """The mean of `first` - `second`, both (n,), and its paired bootstrap interval.

    Pairs of which one is not finite are left out. Arguments and result as of `mean_interval`.
    """
    differences = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    return mean_interval(differences, level=level, seed=seed)
