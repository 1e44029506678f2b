"""Who leads in a metric: beyond noise, paired by image, and nobody where images are few."""

from __future__ import annotations

import math

import numpy as np
import pytest

from camkit_core.metrics.judging.standings import ranked, standings_of
from helpers.made_up import judgement

EIGHT = np.linspace(0.2, 0.9, 8)


def standing(metric: str, numbers, **others):
    (winner,) = standings_of(judgement({metric: numbers}, **others))
    return winner


def test_the_best_is_the_highest_mean_or_the_lowest_as_the_metric_says():
    numbers = {"gradcam": EIGHT, "scorecam": EIGHT + 0.1}
    assert standing("insertion", numbers).best == "scorecam"
    assert standing("deletion", numbers).best == "gradcam"


def test_a_baseline_is_never_the_best():
    assert standing("insertion", {"gradcam": EIGHT, "edges": EIGHT + 1}).best == "gradcam"


def test_methods_level_with_the_best_lead_with_it():
    noise = np.array([1, -1] * 4) * 0.1
    numbers = {"a": EIGHT - 0.2, "b": EIGHT + 0.01, "c": EIGHT + noise}
    assert standing("insertion", numbers).leaders == ("b", "c")


def test_a_difference_of_rounding_is_none():
    winner = standing("insertion", {"gradcam": EIGHT, "xgradcam": EIGHT + 1e-9})
    assert winner.leaders == ("xgradcam", "gradcam")
    assert not winner.beyond_noise("xgradcam", "gradcam")


def test_with_few_images_all_lead_and_only_means_tell_who_is_ahead():
    winner = standing("insertion", {"a": [0.1, 0.2], "b": [0.8, 0.9]})
    assert winner.few
    assert winner.leaders == ("b", "a")
    assert not winner.beyond_noise("b", "a")
    assert winner.ahead("b", "a")
    assert not winner.ahead("a", "b")


def test_the_targets_of_an_image_count_as_one():
    six_rows = [0.0, 0.2, 0.4, 1.0, 1.2, math.nan]  # three images, two targets
    winner = standing("insertion", {"a": six_rows}, targets=2)
    np.testing.assert_allclose(winner.values["a"], [0.5, 0.7, 0.4])
    assert winner.images == 3


def test_a_method_without_a_value_neither_leads_nor_is_compared():
    winner = standing("insertion", {"a": [math.nan] * 8, "b": EIGHT})
    assert winner.leaders == ("b",)
    assert not winner.ahead("b", "a")
    assert standing("insertion", {"a": [math.nan] * 8}).leaders == ()


@pytest.mark.parametrize("check", ["area", "randomisation"])
def test_checks_are_not_ranked(check):
    winner = standings_of(judgement({check: {"a": EIGHT}, "insertion": {"a": EIGHT}}))
    assert [standing.metric for standing in ranked(winner)] == ["insertion"]
