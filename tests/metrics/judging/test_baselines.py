"""Maps that know nothing of the model: what each is, on numbers one can check by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

import camkit_core as camkit
from camkit_core.metrics.judging.baselines import BASELINES, centre, edges, random, uniform
from helpers.small_nets import small_net


def of(images: torch.Tensor) -> SimpleNamespace:
    """The part of a probe that a map of the images alone reads."""
    return SimpleNamespace(images=images)


@pytest.mark.parametrize("size", [(6,), (5, 8), (3, 4, 5)])
def test_maps_of_the_image_have_its_rank_and_size(size):
    images = torch.rand(2, 3, *size)
    for baseline in (uniform, centre, edges):
        assert baseline(of(images)).shape == (2, *size)


def test_the_uniform_map_is_one_everywhere():
    assert bool((uniform(of(torch.randn(2, 3, 4, 6))) == 1).all())


def test_the_centre_map_is_a_gaussian_of_a_quarter_of_the_side():
    bump = centre(of(torch.zeros(1, 3, 5, 9)))[0]
    assert bump[2, 4] == 1
    down = torch.exp(torch.tensor(-((1 / (5 / 4)) ** 2) / 2))
    right = torch.exp(torch.tensor(-((3 / (9 / 4)) ** 2) / 2))
    torch.testing.assert_close(bump[3, 7], down * right)
    torch.testing.assert_close(bump, bump.flip(0).flip(1))


def test_the_edge_map_of_a_step_is_four_times_its_height_on_both_sides():
    step = torch.zeros(1, 3, 4, 6)
    step[..., 3:] = 2.0
    expected = torch.tensor([0.0, 0, 8, 8, 0, 0]).expand(1, 4, 6)
    torch.testing.assert_close(edges(of(step)), expected)
    torch.testing.assert_close(edges(of(step.mT)), expected.mT)


def test_a_flat_image_has_no_edges():
    assert not edges(of(torch.full((1, 3, 4, 4), 7.0))).any()


def test_the_random_map_weighs_the_layers_channels_and_is_always_the_same():
    net = small_net("resnet")
    comparison = camkit.compare(net.model, net.images, [random, "randomcam"])
    torch.testing.assert_close(comparison[0, 0].cam, comparison[0, 1].cam)


def test_each_is_run_as_a_method_and_its_heatmap_is_in_unit_range():
    net = small_net("resnet")
    for explanation in camkit.compare(
        net.model, net.images, [each.function for each in BASELINES.values()]
    ):
        assert explanation.method in BASELINES
        assert explanation.heatmap.shape == (len(net.images), *net.images.shape[2:])
        assert 0 <= float(explanation.heatmap.min()) <= float(explanation.heatmap.max()) <= 1
