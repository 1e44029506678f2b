"""Scores of a map against a mask, worked out by hand, and the scores of uninformed maps."""

from __future__ import annotations

import numpy as np
import pytest

from camkit_core.testing.ground_truth.scores import (
    average_precision,
    box_sums,
    discrimination,
    energy,
    pointing,
    rank_correlation,
)

MASK = np.array([[True, True, False, False]] * 2)
BOX = (0, 0, 2)


def test_pointing_is_one_where_the_maximum_is_in_the_box_and_zero_elsewhere():
    inside, outside = np.zeros((2, 4)), np.zeros((2, 4))
    inside[1, 1] = outside[1, 2] = 1
    assert pointing(inside, BOX) == 1
    assert pointing(outside, BOX) == 0


def test_of_several_maxima_pointing_takes_the_share_in_the_box():
    heat = np.array([[1.0, 0, 0, 1], [0, 0, 1, 0]])
    assert pointing(heat, BOX) == pytest.approx(1 / 3)
    assert pointing(np.ones((2, 4)), BOX) == 0.5


def test_energy_is_the_share_on_the_mask_above_that_of_a_uniform_map():
    heat = np.array([[3.0, 0, 1, 0], [0, 0, 0, 0]])
    assert energy(heat, MASK) == pytest.approx(3 / 4 - 1 / 2)
    assert energy(np.ones((2, 4)), MASK) == 0
    assert energy(MASK.astype(float), MASK) == 0.5


def test_average_precision_by_hand():
    # In falling order: hit, miss, hit; precision 1 at recall 1/4, 2/3 at 1/2; the rest are ties.
    heat = np.array([[0.9, 0.7, 0.8, 0], [0, 0, 0, 0]])
    expected = 1 / 4 * 1 + 1 / 4 * 2 / 3 + 1 / 2 * 4 / 8
    assert average_precision(heat, MASK) == pytest.approx(expected)


def test_average_precision_is_one_for_the_mask_and_the_area_for_a_uniform_map():
    assert average_precision(MASK.astype(float), MASK) == 1
    assert average_precision(np.ones((2, 4)), MASK) == 0.5


def test_average_precision_does_not_depend_on_the_order_of_equal_values():
    heat = np.array([[1.0, 1, 1, 0], [0, 0, 0, 0]])
    assert average_precision(heat, MASK) == average_precision(heat[:, ::-1], MASK[:, ::-1])


def test_discrimination_compares_the_mean_on_two_glyphs():
    heat = np.array([[3.0, 3, 1, 0], [3, 3, 0, 0]])
    other = np.array([[False, False, True, False]] * 2)
    assert discrimination(heat, MASK, other) == pytest.approx(3 / (3 + 0.5))
    assert discrimination(np.ones((2, 4)), MASK, other) == 0.5


@pytest.mark.parametrize(
    ("evidence", "drops", "expected"),
    [
        ([1.0, 2, 3], [10.0, 20, 90], 1),
        ([3.0, 2, 1], [10.0, 20, 90], -1),
        ([1.0, 3, 2], [1.0, 2, 3], 0.5),
        ([1.0, 1, 2], [1.0, 2, 3], 3**0.5 / 2),
    ],
)
def test_rank_correlation_by_hand(evidence, drops, expected):
    assert rank_correlation(np.array(evidence), np.array(drops)) == pytest.approx(expected)


def test_a_map_that_is_zero_everywhere_has_no_score():
    empty = np.zeros((2, 4))
    assert np.isnan(pointing(empty, BOX))
    assert np.isnan(energy(empty, MASK))
    assert np.isnan(average_precision(empty, MASK))
    assert np.isnan(discrimination(empty, MASK, ~MASK))
    assert np.isnan(rank_correlation(np.zeros(3), np.arange(3.0)))


def test_box_sums_keep_signs():
    cam = np.array([[1.0, -2, 5, 5], [0, 0, 5, 5]])
    assert box_sums(cam, [(0, 0, 2), (0, 2, 2)]).tolist() == [-1, 20]
