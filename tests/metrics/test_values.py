"""Metrics on maps and models for which the value can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from camkit_core import compare
from camkit_core.testing.networks import conv_net, some_images
from helpers.metric_values import HALF, IMAGE, Mean, as_map, itself, of


def test_insertion_is_the_area_under_the_uncovered_pixels():
    # Sums of 0, 0.8, 1.2, 1.4, 1.5 in four pixels, as trapezoids over four steps.
    expected = (0.8 + 1.2 + 1.4 + 1.5 / 2) / 4 / 4
    assert of("insertion", itself, IMAGE, steps=4, baseline="zero") == pytest.approx([expected])


def test_deletion_is_the_area_under_what_is_left():
    expected = (1.5 / 2 + 0.7 + 0.3 + 0.1) / 4 / 4
    assert of("deletion", itself, IMAGE, steps=4) == pytest.approx([expected])


def test_insertion_and_deletion_of_one_step_are_the_mean_of_both_ends():
    for metric in ("insertion", "deletion"):
        values = of(metric, itself, IMAGE, steps=1, baseline="zero")
        assert values == pytest.approx([1.5 / 4 / 2])


def test_a_blurred_start_keeps_the_mean_of_a_uniform_image():
    image = torch.full((1, 1, 8, 8), 0.3)
    assert of("insertion", itself, image) == pytest.approx([0.3], abs=1e-5)
    assert of("deletion", itself, image, baseline="blur") == pytest.approx([0.3], abs=1e-5)


def test_equal_pixels_come_in_no_order_of_place():
    """The left half of the image is white; a map of ones everywhere must not favour the left."""
    image = torch.zeros(1, 1, 16, 16)
    image[..., :8] = 1
    for metric in ("insertion", "deletion"):
        (value,) = of(metric, as_map(torch.ones(16, 16)), image, steps=16, baseline="zero")
        assert value == pytest.approx(0.25, abs=0.03)


def test_average_drop_is_the_share_that_is_lost():
    image = torch.full((1, 1, 2, 2), 0.8)
    assert of("average_drop", as_map(HALF), image) == pytest.approx([50])
    assert of("average_increase", as_map(HALF), image) == [0]
    assert of("average_gain", as_map(HALF), image) == [0]


def test_increase_and_gain_of_a_class_that_the_rest_of_the_image_speaks_against():
    # The other class has 0.2, and 0.6 where half of the image is black: 0.4 of the missing 0.8.
    image = torch.full((1, 1, 2, 2), 0.8)
    assert of("average_increase", as_map(HALF), image, 1) == [100]
    assert of("average_gain", as_map(HALF), image, 1) == pytest.approx([50])
    assert of("average_drop", as_map(HALF), image, 1) == [0]


def test_a_map_of_the_whole_image_loses_nothing_and_its_area_says_why():
    image = torch.full((1, 1, 2, 2), 0.8)
    whole = as_map(torch.ones(2, 2))
    assert of("average_drop", whole, image) == [0]
    assert of("area", whole, image) == [1]
    assert of("area", as_map(HALF), image) == [0.5]


def test_adcc_by_hand():
    # Black and white: masked by itself it is the same image, so that coherency is 1 and nothing is
    # lost; half of it is the map.
    image = torch.tensor([[[[1.0, 1.0], [0.0, 0.0]]]])
    assert of("adcc", itself, image) == pytest.approx([3 / (1 + 1 / 0.5 + 1)])


def test_adcc_of_grey_by_hand():
    values = np.array([0.8, 0.4, 0.1, 0.2])
    heat, again = values / 0.8, values**2 / 0.64
    coherency = (1 + np.corrcoef(heat, again)[0, 1]) / 2
    drop = 1 - (values * heat).mean() / values.mean()
    expected = 3 / (1 / coherency + 1 / (1 - heat.mean()) + 1 / (1 - drop))
    assert of("adcc", itself, IMAGE) == pytest.approx([expected], abs=1e-5)


def test_adcc_of_a_constant_map_is_undefined_and_noted():
    comparison = compare(
        Mean().eval(), IMAGE, [as_map(torch.ones(2, 2))], [0], "layer", metrics=["adcc"]
    )
    assert math.isnan(comparison.judgement.measures[0].values[0])
    assert any("adcc is not defined" in note for note in comparison[0, 0].notes)


def test_arcc_by_hand():
    # Black and white: masked by itself it is the same image, so that coherency is 1; half of it is
    # the map. Without the white half all is black, and without the black half all is white.
    image = torch.tensor([[[[1.0, 1.0], [0.0, 0.0]]]])
    [road] = of("road", itself, image, shares=[0.5], noise=0.0)
    assert road == pytest.approx(0.5)  # the white half is all that there is
    assert of("arcc", itself, image, shares=[0.5], noise=0.0) == pytest.approx([3 / (1 + 2 + 1)])


def test_arcc_of_an_order_that_says_nothing_is_zero():
    image = torch.full((1, 1, 4, 4), 0.5)
    image[..., :2] += 0.1
    backwards = 1 - image[0, 0]
    assert of("arcc", as_map(backwards), image, noise=0.0) == [0]


def test_sensitivity_is_nothing_for_a_map_that_ignores_the_image():
    assert of("sensitivity", as_map(HALF), IMAGE) == [0]


def test_sensitivity_is_the_largest_relative_change():
    """Of two pixels, one 1 and one a: the map is (1, a), and only a moves after division."""
    image = torch.tensor([[[[1.0, 0.5]]]])
    (value,) = of("sensitivity", itself, image, radius=0.1, samples=5)
    generator, worst = torch.Generator().manual_seed(0), 0.0
    for _ in range(5):
        first, second = (image + 0.1 * (2 * torch.rand(1, 1, 2, generator=generator) - 1)).flatten()
        worst = max(worst, abs(float(second / first) - 0.5))
    assert value == pytest.approx(worst / math.sqrt(1.25), abs=1e-6)


def test_randomisation_is_one_for_a_map_that_ignores_the_model():
    model, images = conv_net(), some_images(1)
    assert of("randomisation", itself, images, model=model) == pytest.approx([1])


def test_randomisation_is_lower_for_a_map_that_reads_the_model():
    comparison = compare(
        conv_net(), some_images(3), ["gradcam"], [1], "layer", metrics=["randomisation"]
    )
    assert float(comparison.judgement.measures[0].values.mean()) < 0.6


def test_road_of_a_uniform_image_is_its_probability():
    """Whatever is removed is filled with what is around it."""
    image = torch.full((1, 1, 8, 8), 0.7)
    for metric in ("road_morf", "road_lerf"):
        assert of(metric, as_map(torch.rand(8, 8)), image, noise=0) == pytest.approx(
            [0.7], abs=1e-4
        )


def test_road_of_a_map_without_an_order_is_zero():
    assert of("road", as_map(torch.ones(8, 8)), torch.rand(1, 1, 8, 8)) == [0]


def test_road_of_the_whites_in_a_black_image():
    """Without the white pixel nothing is white, and without the others everything is."""
    image = torch.zeros(1, 1, 3, 3)
    image[0, 0, 1, 1] = 0.9
    shares = [1 / 9]
    (highest,) = of("road_morf", itself, image, shares=shares, noise=0)
    assert highest == pytest.approx(0, abs=1e-6)
    (lowest,) = of("road_lerf", itself, image, shares=[8 / 9], noise=0)
    assert lowest == pytest.approx(0.9, abs=1e-4)


def test_the_probability_of_one_logit_is_its_sigmoid():
    class OneLogit(Mean):
        def forward(self, images):
            return self.layer(images).mean((1, 2, 3))[:, None]

    image = torch.full((1, 1, 2, 2), 0.8)
    for target, sign in ((1, 1), (0, -1)):
        (value,) = of("insertion", itself, image, target, OneLogit(), steps=1, baseline="zero")
        assert value == pytest.approx((0.5 + 1 / (1 + math.exp(-sign * 0.8))) / 2)
