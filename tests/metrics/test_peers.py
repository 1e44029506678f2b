"""Metrics beside pytorch-grad-cam and captum, where these have the same definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from captum.metrics import sensitivity_max
from pytorch_grad_cam.metrics.cam_mult_image import DropInConfidence, IncreaseInConfidence
from pytorch_grad_cam.metrics.perturbation_confidence import (
    PerturbationConfidenceMetric,
    RemoveLeastRelevantFirst,
    RemoveMostRelevantFirst,
)
from pytorch_grad_cam.metrics.road import NoisyLinearImputer
from pytorch_grad_cam.utils.model_targets import ClassifierOutputSoftmaxTarget

from camkit_core import compare, explain
from camkit_core.metrics.image_edits import filled
from camkit_core.testing.networks import conv_net, seeded, some_images

CATEGORY = 2


def smooth_images(count=2, size=24):
    """Images in [0, 1] whose neighbouring pixels are alike."""
    with seeded():
        coarse = torch.rand(count, 3, size // 6, size // 6)
    return F.interpolate(coarse, (size, size), mode="bicubic").clamp(0, 1)


def distinct_maps(count=2, size=24):
    """Maps in [0, 1] without two equal pixels, of which the greatest is 1."""
    with seeded(4):
        drawn = torch.stack([torch.randperm(size * size) for _ in range(count)]).view(
            count, size, size
        )
    return (drawn + 1) / (size * size)


def ours(metric, images, maps, category=CATEGORY, **options):
    """The values of a metric for given maps."""

    def given(probe):
        return maps

    comparison = compare(
        conv_net(), images, [given], [category], "layer", metrics={metric: options}
    )
    return comparison.judgement.measures[0].values.numpy()


def theirs(metric, images, maps, category=CATEGORY):
    """The values of a metric of pytorch-grad-cam."""
    targets = [ClassifierOutputSoftmaxTarget(category)] * len(images)
    return metric(images, maps.numpy(), targets, conv_net())


def probabilities(images):
    with torch.no_grad():
        return conv_net()(images).softmax(1)[:, CATEGORY].numpy()


def test_average_drop_is_their_drop_in_confidence_over_the_confidence():
    images, maps = smooth_images(), distinct_maps()
    expected = 100 * theirs(DropInConfidence(), images, maps) / probabilities(images)
    assert ours("average_drop", images, maps) == pytest.approx(expected, abs=1e-3)


def test_average_increase_is_their_increase_in_confidence():
    images, maps = some_images(8, 24, 24), distinct_maps(8)
    expected = 100 * theirs(IncreaseInConfidence(), images, maps, 1)
    assert ours("average_increase", images, maps, 1).tolist() == expected.tolist()
    assert len({*expected}) == 2


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_gaps_are_filled_as_theirs_without_noise(share):
    (image,), (heat,) = smooth_images(1, 48), distinct_maps(1, 48)
    kept = heat > share
    expected = NoisyLinearImputer(noise=0)(image, kept.float())
    ours = filled(image, kept[None], noise=0, seed=0)[0]
    assert torch.allclose(ours, expected, atol=0.01)
    assert torch.equal(ours[:, kept], image[:, kept])


@pytest.mark.parametrize(
    ("metric", "peer"),
    [("road_morf", RemoveMostRelevantFirst), ("road_lerf", RemoveLeastRelevantFirst)],
)
def test_road_is_theirs_without_noise(metric, peer):
    images, maps = smooth_images(2, 48), distinct_maps(2, 48)
    expected = []
    for percentile in (20, 50, 80):
        # pytorch-grad-cam keeps what lies below a percentile: shares count from the other end.
        remover = peer(percentile, NoisyLinearImputer(noise=0))
        change = theirs(PerturbationConfidenceMetric(remover), images, maps)
        expected.append(change + probabilities(images))
    values = ours(metric, images, maps, shares=(0.2, 0.5, 0.8), noise=0)
    assert values == pytest.approx(np.mean(expected, 0), abs=2e-3)


def test_sensitivity_is_that_of_captum_for_the_same_noise():
    model, images = conv_net(), smooth_images(2, 16)
    generator = torch.Generator().manual_seed(0)
    noises = iter([0.1 * (2 * torch.rand(3, 16, 16, generator=generator) - 1) for _ in range(4)])

    def heatmaps(inputs):
        return (explain(model, inputs, "gradcam", CATEGORY, "layer").heatmap,)

    def moved(inputs):
        return inputs + next(noises)

    expected = sensitivity_max(
        heatmaps, images, moved, n_perturb_samples=4, max_examples_per_batch=len(images)
    )
    comparison = compare(
        model,
        images,
        ["gradcam"],
        [CATEGORY],
        "layer",
        metrics={"sensitivity": {"radius": 0.1, "samples": 4}},
    )
    assert comparison.judgement.measures[0].values.numpy() == pytest.approx(
        expected.numpy(), abs=1e-5
    )


def test_arcc_is_the_peers():
    from pytorch_grad_cam.metrics.arcc import ARCC

    images, maps = smooth_images(), distinct_maps()
    targets = [ClassifierOutputSoftmaxTarget(CATEGORY)] * len(images)
    peer = ARCC(lambda input_tensor, targets: maps.numpy())
    peer.road = lambda *given: np.full(len(images), 0.2)  # its noise has no seed
    expected = peer(images, maps.numpy(), targets, conv_net())
    by_road = 3 / (1 + 1 / (1 - maps.flatten(1).mean(1).numpy()) + 1 / 0.4)
    assert expected == pytest.approx(by_road, abs=1e-6)
    road = ours("road", images, maps, shares=(0.2, 0.4, 0.6, 0.8)).clip(0)
    complexity = maps.flatten(1).mean(1).numpy()
    assert ours("arcc", images, maps) == pytest.approx(
        3 / (1 + 1 / (1 - complexity) + 1 / np.maximum(2 * road, 1e-30)), abs=1e-6
    )
