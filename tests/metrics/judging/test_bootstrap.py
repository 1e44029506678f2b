"""Intervals over images: against the binomial distribution, and where there are none."""

from __future__ import annotations

import math
from math import comb
from statistics import NormalDist

import numpy as np
import pytest

from camkit_core.metrics.judging.bootstrap import LEAST, difference_interval, mean_interval, tail_of

NAN = math.nan


def binomial_quantile(count: int, share: float, level: float) -> int:
    """The smallest k that the sum of `count` coin flips does not exceed with this probability."""
    total = 0.0
    for k in range(count + 1):
        total += comb(count, k) * share**k * (1 - share) ** (count - k)
        if total >= level:
            return k
    return count


@pytest.mark.parametrize(("ones", "count"), [(5, 10), (3, 12), (12, 30)])
def test_of_zeros_and_ones_the_interval_is_that_of_the_binomial_distribution(ones, count):
    interval = mean_interval(np.array([1.0] * ones + [0.0] * (count - ones)))
    share = ones / count
    assert interval.mean == share
    tail = tail_of(0.95, count)
    assert interval.low == pytest.approx(binomial_quantile(count, share, tail) / count)
    assert interval.high == pytest.approx(binomial_quantile(count, share, 1 - tail) / count)


@pytest.mark.parametrize(("count", "t"), [(6, 2.5706), (11, 2.2281), (31, 2.0423), (1001, 1.9623)])
def test_the_tails_are_those_of_students_t_from_tables(count, t):
    widened = math.sqrt(count / (count - 1)) * t
    assert tail_of(0.95, count) == pytest.approx(NormalDist().cdf(-widened), rel=0.015)


@pytest.mark.parametrize("count", [8, 40])
def test_the_interval_covers_the_true_mean_about_as_often_as_it_says(count):
    draws = np.random.default_rng(1).normal(3.0, 2.0, (300, count))
    intervals = [mean_interval(values) for values in draws]
    covered = np.mean([interval.low <= 3.0 <= interval.high for interval in intervals])
    assert 0.91 <= covered <= 0.98


def test_a_difference_is_paired_image_by_image():
    difficulty = np.arange(8.0)
    interval = difference_interval(difficulty + 0.1, difficulty)
    assert interval == pytest.approx((0.1, 0.1, 0.1))
    unpaired = difference_interval(difficulty + 0.1, difficulty[::-1])
    assert unpaired.low < 0 < unpaired.high


def test_few_images_have_a_mean_and_no_interval():
    interval = mean_interval(np.arange(float(LEAST - 1)))
    assert interval.mean == 2.0
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)
    assert math.isfinite(mean_interval(np.arange(float(LEAST))).low)


def test_what_is_not_finite_is_left_out_and_nothing_has_no_mean():
    assert mean_interval(np.array([1.0, NAN, 3.0])).mean == 2.0
    assert difference_interval(np.array([1.0, NAN, 3.0]), np.array([0.0, 0.0, NAN])).mean == 1.0
    assert math.isnan(mean_interval(np.array([NAN])).mean)


def test_equal_arguments_give_equal_intervals_and_numpys_state_is_untouched():
    values, before = np.random.default_rng(0).random(20), np.random.get_state()[1].copy()
    assert mean_interval(values) == mean_interval(values)
    assert mean_interval(values) != mean_interval(values, seed=1)
    assert (np.random.get_state()[1] == before).all()


def test_many_images_are_resampled_in_blocks():
    values = np.random.default_rng(0).normal(0, 1, 3000)
    interval = mean_interval(values)
    width = 2 * 1.96 * values.std() / math.sqrt(3000)
    assert interval.high - interval.low == pytest.approx(width, rel=0.1)
