"""Who leads in a metric: beyond noise, paired by image, and nobody where images are few."""

from __future__ import annotations

import math

import numpy as np
import pytest

from camkit_core.metrics.judging.standings import ranked, standings_of
from helpers.made_up import judgement

EIGHT = np.linspace(0.2, 0.9, 8)


def one(metric: str, numbers, **others):
    (found,) = standings_of(judgement({metric: numbers}, **others))
    return found


def test_the_best_is_the_highest_mean_or_the_lowest_as_the_metric_says():
    numbers = {"gradcam": EIGHT, "scorecam": EIGHT + 0.1}
    assert one("insertion", numbers).best == "scorecam"
    assert one("deletion", numbers).best == "gradcam"


def test_a_baseline_is_never_the_best():
    assert one("insertion", {"gradcam": EIGHT, "edges": EIGHT + 1}).best == "gradcam"


def test_methods_level_with_the_best_lead_with_it():
    noise = np.array([1, -1] * 4) * 0.1
    numbers = {"a": EIGHT - 0.2, "b": EIGHT + 0.01, "c": EIGHT + noise}
    assert one("insertion", numbers).leaders == ("b", "c")


def test_a_difference_of_rounding_is_none():
    found = one("insertion", {"gradcam": EIGHT, "xgradcam": EIGHT + 1e-9})
    assert found.leaders == ("xgradcam", "gradcam")
    assert not found.beyond_noise("xgradcam", "gradcam")


def test_with_few_images_all_lead_and_only_means_tell_who_is_ahead():
    found = one("insertion", {"a": [0.1, 0.2], "b": [0.8, 0.9]})
    assert found.few
    assert found.leaders == ("b", "a")
    assert not found.beyond_noise("b", "a")
    assert found.ahead("b", "a")
    assert not found.ahead("a", "b")


def test_the_targets_of_an_image_count_as_one():
    six_rows = [0.0, 0.2, 0.4, 1.0, 1.2, math.nan]  # three images, two targets
    found = one("insertion", {"a": six_rows}, targets=2)
    np.testing.assert_allclose(found.values["a"], [0.5, 0.7, 0.4])
    assert found.images == 3


def test_a_method_without_a_value_neither_leads_nor_is_compared():
    found = one("insertion", {"a": [math.nan] * 8, "b": EIGHT})
    assert found.leaders == ("b",)
    assert not found.ahead("b", "a")
    assert one("insertion", {"a": [math.nan] * 8}).leaders == ()


@pytest.mark.parametrize("check", ["area", "randomisation"])
def test_checks_are_not_ranked(check):
    found = standings_of(judgement({check: {"a": EIGHT}, "insertion": {"a": EIGHT}}))
    assert [standing.metric for standing in ranked(found)] == ["insertion"]
