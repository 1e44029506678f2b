"""What the verdict says, rule by rule: numbers for which it speaks, and for which it is silent."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from camkit_core.metrics.judging import sanity_checks as checks
from camkit_core.metrics.judging import verdict as rules
from camkit_core.metrics.judging.bootstrap import Interval
from camkit_core.metrics.judging.standings import standings_of
from camkit_core.metrics.judging.verdict import verdict
from camkit_core.metrics.judging.wording import between, number
from camkit_core.results.caveats import UNTRAINED, UNTRAINED_HEAD
from helpers.made_up import judgement

EIGHT = np.linspace(0.2, 0.9, 8)
NOISE = np.array([1, -1] * 4) * 0.1


def metric_rule(rule, metrics, **others):
    """What a rule over standings says of the given numbers."""
    return rule(standings_of(judgement(metrics, **others)))


def two_maps(difference: float):
    first = torch.rand(2, 4, 4, generator=torch.Generator().manual_seed(0))
    first[:, 0, 0] = 1.0
    second = first.clone()
    second[:, 1, 1] += difference
    return first, second


def compared(maps, names=("gradcam", "xgradcam")):
    return judgement({"insertion": {name: [0.5, 0.6] for name in names}}, maps=maps)


def test_equal_maps_are_named_with_their_difference_and_the_usual_reason():
    first, second = two_maps(2e-7)
    (sentence,) = checks.equal_maps(compared({"gradcam": first, "xgradcam": second}))
    assert sentence.startswith("xgradcam equals gradcam here (largest difference ")
    assert sentence.endswith("e-07): one map, as where global pooling follows the layer.")


def test_equal_maps_of_other_formulas_get_no_reason():
    first, second = two_maps(0.0)
    names = ("eigencam", "fem")
    (sentence,) = checks.equal_maps(compared(dict(zip(names, (first, second), strict=True)), names))
    assert sentence == "fem equals eigencam here (largest difference 0): they are one map."


def test_maps_that_differ_or_are_empty_are_not_called_equal():
    first, second = two_maps(0.01)
    assert checks.equal_maps(compared({"gradcam": first, "xgradcam": second})) == []
    nothing = torch.zeros(2, 4, 4)
    assert checks.equal_maps(compared({"gradcam": nothing, "xgradcam": nothing})) == []


def test_empty_maps_are_counted_with_their_reason():
    half = torch.zeros(2, 4, 4)
    half[0] = 1.0
    counts = checks.blank_maps(compared({"gradcam": half}))
    assert counts == ["gradcam finds no evidence in 1 of 2 maps: no positive evidence."]
    assert checks.blank_maps(compared({})) == []


def test_a_map_that_survives_randomised_weights_fails():
    values = {"gradcam": [0.1, 0.2], "eigencam": [0.95, 0.91]}
    sentence = dict(metric_rule(checks.failed_checks, {"randomisation": values}))
    assert list(sentence) == ["eigencam"]
    assert "stay alike (0.930)" in sentence["eigencam"]
    assert metric_rule(checks.failed_checks, {"insertion": {"a": [0.95, 0.95]}}) == []


def test_a_map_of_nearly_the_whole_image_games_average_drop():
    area = {"gradcam": [0.2, 0.3], "fem": [0.95, 0.97]}
    drop = {"gradcam": [0.5, 0.5], "fem": [0.01, 0.02]}
    sentence = dict(metric_rule(checks.rewarded_shortcuts, {"average_drop": drop, "area": area}))
    assert list(sentence) == ["fem"]
    assert "area 0.960" in sentence["fem"]
    assert "average drop" in sentence["fem"]


def test_a_large_area_is_no_matter_where_no_metric_rewards_it():
    area = {"fem": [0.95, 0.97]}
    assert metric_rule(checks.failures, {"area": area, "insertion": area}) == ()


def test_few_images_are_said_to_be_few():
    (sentence,) = metric_rule(rules.too_few_images, {"insertion": {"a": [0.5]}})
    assert sentence.startswith("1 image: too few")
    assert metric_rule(rules.too_few_images, {"insertion": {"a": EIGHT}}) == []
    assert metric_rule(rules.too_few_images, {"area": {"a": [0.5]}}) == []


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ({"a": EIGHT, "b": EIGHT - 0.1}, "a is better than all others (0.550, 95%"),
        ({"a": EIGHT, "b": EIGHT + NOISE}, "no method is better than another"),
        (
            {"a": EIGHT + 0.01, "b": EIGHT + NOISE, "c": EIGHT - 0.3},
            "b does not differ from it beyond noise.",
        ),
        ({"a": [0.3], "b": [0.4]}, "b has the best mean (0.400)."),
        ({"a": [0.4], "b": [0.4]}, "a and b have the best mean (0.400)."),
    ],
)
def test_the_best_method_is_named_with_those_it_does_not_differ_from(numbers, expected):
    (sentence,) = metric_rule(rules.best_by_metric, {"insertion": numbers})
    assert sentence.startswith("On insertion (higher is better) ")
    assert expected in sentence


@pytest.mark.parametrize("numbers", [{"a": EIGHT}, {"a": EIGHT, "b": [math.nan] * 8}])
def test_a_method_without_rivals_is_not_called_the_best(numbers):
    assert metric_rule(rules.best_by_metric, {"insertion": numbers}) == []


def test_unbeaten_baselines_are_named_by_metric():
    numbers = {"a": EIGHT, "b": EIGHT - 0.1, "centre": EIGHT - 0.3, "edges": EIGHT + NOISE}
    (sentence,) = metric_rule(rules.unbeaten_baselines, {"insertion": numbers})
    assert sentence == (
        "On insertion (higher is better) no method beats the baseline edges beyond noise (a 0.550; "
        "edges 0.550)."
    )
    numbers["edges"] = EIGHT - 0.2
    assert metric_rule(rules.unbeaten_baselines, {"insertion": numbers}) == []


def test_a_baseline_better_than_every_method_is_said_to_be():
    numbers = {"a": EIGHT, "b": EIGHT - 0.1, "edges": EIGHT + 0.05}
    (sentence,) = metric_rule(rules.unbeaten_baselines, {"insertion": numbers})
    assert "every method loses to the baseline edges (a 0.550; edges 0.600)." in sentence


def test_the_whole_image_is_not_held_against_methods_where_it_cannot_be_beaten():
    numbers = {"a": EIGHT, "uniform": EIGHT * 0}
    assert metric_rule(rules.unbeaten_baselines, {"average_drop": numbers}) == []
    assert metric_rule(rules.unbeaten_baselines, {"deletion": numbers}) != []


def dear(numbers, **seconds):
    made = judgement({"insertion": numbers}, seconds=seconds)
    return rules.dear_methods(made, standings_of(made))


def test_a_dear_method_is_measured_against_the_cheapest():
    (sentence,) = dear({"a": EIGHT, "b": EIGHT + NOISE}, a=0.1, b=4.0)
    assert sentence == "b takes 40 times as long as a and is not better beyond noise on insertion."
    (sentence,) = dear({"a": EIGHT, "b": EIGHT + 0.25}, a=0.1, b=0.34)
    assert sentence.startswith(
        "b takes 3.4 times as long as a and is better on insertion (by 0.250)."
    )
    (sentence,) = dear({"a": [0.5], "b": [0.6]}, a=1, b=9)
    assert sentence.endswith("(by 0.100), which may be chance with so few images.")


def test_of_about_equally_cheap_methods_the_first_is_the_measure():
    (sentence,) = dear({"a": EIGHT, "b": EIGHT, "c": EIGHT}, a=1.1, b=1.0, c=11.0)
    assert sentence.startswith("c takes 10 times as long as a ")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.5, "0.500"), (-1e-9, "0.000"), (25.04, "25.0"), (123456.0, "1.23e+05"), (math.nan, "none")],
)
def test_numbers_are_written_short(value, expected):
    assert number(value) == expected


def test_bounds_that_read_alike_are_left_out():
    assert between(Interval(0.5, 0.4, 0.6)) == ", 95% 0.400 to 0.600"
    assert between(Interval(20.0, 5.214, 45.0)) == ", 95% 5.2 to 45.0"
    assert between(Interval(0.0, 0.0, 1e-6)) == between(Interval(0.5, math.nan, math.nan)) == ""


def test_a_method_that_is_a_little_dearer_is_not_worth_a_word():
    assert dear({"a": EIGHT, "b": EIGHT}, a=1.0, b=2.9) == []


def last(metrics, **others):
    return verdict(judgement(metrics, **others))[-1]


def test_the_method_that_leads_on_most_metrics_is_recommended():
    insertion = {"a": EIGHT - 0.1, "b": EIGHT, "edges": EIGHT - 0.2}
    deletion = {"a": EIGHT, "b": EIGHT + NOISE, "edges": EIGHT + 0.3}
    sentence = last({"insertion": insertion, "deletion": deletion}, seconds={"b": 9})
    assert sentence == (
        "Take b: it is best or level with the best on 2 of 2 metrics, it beats every baseline on "
        "insertion (higher is better) and deletion (lower is better), and none as good is much "
        "cheaper."
    )


def test_of_equals_the_cheap_one_is_recommended_and_of_equally_cheap_ones_the_first():
    numbers = {"a": EIGHT, "b": EIGHT, "c": EIGHT}
    assert last({"insertion": numbers}, seconds={"a": 9, "b": 1.2, "c": 1}).startswith("Take b: ")


def test_few_images_recommend_by_price_and_say_so_first():
    sentence = last({"insertion": {"a": [0.5], "b": [0.9], "edges": [0.1]}}, seconds={"b": 5})
    assert sentence.startswith("1 image is too few (6 are the least) to tell which map is better. ")
    assert "Take a for now: " in sentence


def test_a_recommendation_names_the_losses_before_the_wins():
    insertion = {"a": EIGHT, "edges": EIGHT + 0.1, "centre": EIGHT + NOISE}
    drop = {"a": EIGHT - 0.1, "edges": EIGHT, "centre": EIGHT}
    assert last({"average_drop": drop, "insertion": insertion}) == (
        "Take a: on insertion (higher is better) it loses to edges and does not beat centre beyond "
        "noise; it beats every baseline on average drop (lower is better), and no other method "
        "does."
    )


@pytest.mark.parametrize(
    ("weights", "notes", "why"),
    [
        ("none: random, seed 0", (), "the weights are random"),
        ("mine.pth", (UNTRAINED,), "the model looks untrained"),
        ("mine.pth", (UNTRAINED_HEAD,), "the model looks untrained"),
    ],
)
def test_a_model_that_is_not_trained_recommends_nothing_and_the_headline_says_so(
    weights, notes, why
):
    made = judgement({"insertion": {"a": EIGHT, "edges": EIGHT - 0.3}})
    (explanation,) = made.explanations["a"]
    noted = {**made.explanations, "a": (replace(explanation, notes=notes),)}
    made = replace(made, provenance={"weights": weights}, explanations=noted)
    first, *_, headline = verdict(made)
    assert first.startswith(f"{why.capitalize()}: ")
    assert headline.startswith(f"No map can be recommended: {why}")


def test_nothing_is_recommended_where_no_method_beats_every_baseline():
    numbers = {"a": EIGHT, "edges": EIGHT + 0.2, "centre": EIGHT - 0.2}
    assert last({"insertion": numbers}).startswith("No map can be recommended: on no metric")


def test_few_images_are_said_to_be_few_before_nothing_is_recommended():
    sentence = last({"insertion": {"a": [0.5], "edges": [0.7]}})
    assert sentence.startswith("1 image is too few (6 are the least) to tell which map is better")


def test_of_eight_images_that_leave_it_open_it_is_said_how_many_would_tell():
    sentence = last({"insertion": {"a": EIGHT + 0.05, "edges": EIGHT + NOISE}})
    assert sentence.startswith("8 images are too few to tell whether a map can be recommended: ")
    assert "a comes closest, with a better mean on insertion (higher is better)" in sentence
    assert sentence.endswith("about 20 images would tell.")


def test_a_better_mean_that_is_lost_in_noise_is_no_promise():
    sentence = last({"insertion": {"a": EIGHT + 0.001, "edges": EIGHT + NOISE}})
    assert sentence.startswith("No map can be recommended: ")


def test_a_method_that_fails_a_check_is_not_recommended():
    numbers = {"a": EIGHT + 1, "b": EIGHT}
    failed = {"a": [0.99] * 8, "b": [0.1] * 8}
    assert last({"insertion": numbers, "randomisation": failed}).startswith("Take b: ")
    failed = {"a": [0.99] * 8, "b": [0.99] * 8}
    sentence = last({"insertion": numbers, "randomisation": failed})
    assert sentence == "No map can be recommended: none passes the checks."


def test_a_method_that_is_a_baseline_is_not_recommended():
    sentence = last({"insertion": {"randomcam": EIGHT + 0.5, "a": EIGHT, "edges": EIGHT - 0.3}})
    assert sentence.startswith("Take a: ")


def test_where_every_map_is_blank_that_is_the_reason():
    made = compared({"gradcam": torch.zeros(2, 4, 4)}, ("gradcam",))
    assert verdict(made)[-1] == "No map can be recommended: no method finds evidence."


def test_without_a_metric_that_ranks_only_the_price_is_left():
    sentence = last({"area": {"a": [0.3], "b": [0.2]}}, seconds={"a": 7})
    assert sentence == "No metric says which method is better; b is as cheap as any."
