"""A judged comparison: its methods and baselines, its maps, and what each method costs."""

from __future__ import annotations

import torch

from camkit_core import compare
from camkit_core.testing.networks import conv_net, some_images


def test_the_judgement_has_methods_and_baselines_and_the_comparison_methods_alone():
    comparison = compare(
        conv_net(), some_images(2), ["gradcam", "hirescam"], [0, 1], "layer", metrics=["area"]
    )
    judgement = comparison.judgement
    assert comparison.methods == ("gradcam", "hirescam")
    assert list(judgement.explanations) == [
        "gradcam",
        "hirescam",
        "uniform",
        "centre",
        "edges",
        "random",
    ]
    assert list(judgement.costs) == ["gradcam", "hirescam"]
    assert all(measure.values.shape == (4,) for measure in judgement.measures)
    assert len(judgement.names) == len(judgement.pictures) == 4


def test_maps_are_those_of_compare_without_metrics():
    model, images = conv_net(), some_images(2)
    plain = compare(model, images, ["gradcam", "scorecam"], [0, 1], "layer")
    judged = compare(model, images, ["gradcam", "scorecam"], [0, 1], "layer", metrics=["area"])
    for given, expected in zip(plain, judged, strict=True):
        assert torch.equal(given.cam, expected.cam)


def test_costs_count_the_runs_of_each_method_alone():
    model, images = conv_net(channels=6), some_images(2)
    comparison = compare(model, images, ["gradcam", "scorecam"], [0, 1], "layer", metrics=["area"])
    gradient, scores = comparison.judgement.costs["gradcam"], comparison.judgement.costs["scorecam"]
    channels = comparison[0, 0].cam.new_zeros(0).numel() + model.layer.out_channels
    assert (gradient.forward_passes, gradient.backward_passes) == (0.5, 1)
    assert scores.forward_passes == 0.5 + channels / 2  # the same masks for both targets
    assert scores.backward_passes == 0
    assert gradient.seconds > 0


def test_baselines_are_nothing_to_warn_of(recwarn):
    comparison = compare(conv_net(), some_images(1), ["gradcam"], [1], "layer", metrics=["area"])
    (uniform,) = comparison.judgement.explanations["uniform"]
    assert uniform.blank() is None
    assert "same everywhere" not in str(uniform.notes)
    assert bool((uniform.heatmap == 1).all())
    assert not [warning for warning in recwarn if "blank map" in str(warning.message)]
