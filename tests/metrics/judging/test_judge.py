"""A judged comparison: its methods and baselines, its maps, and what each method costs."""

from __future__ import annotations

import torch

from camkit_core import compare
from camkit_core.testing.networks import conv_net, some_images


def test_the_judgement_has_methods_and_baselines_and_the_comparison_methods_alone():
    found = compare(
        conv_net(), some_images(2), ["gradcam", "hirescam"], [0, 1], "layer", metrics=["area"]
    )
    judgement = found.judgement
    assert found.methods == ("gradcam", "hirescam")
    assert list(judgement.explanations) == [
        "gradcam",
        "hirescam",
        "uniform",
        "centre",
        "edges",
        "random",
    ]
    assert list(judgement.costs) == ["gradcam", "hirescam"]
    assert all(one.values.shape == (4,) for one in judgement.measures)
    assert len(judgement.names) == len(judgement.pictures) == 4


def test_maps_are_those_of_compare_without_metrics():
    model, images = conv_net(), some_images(2)
    plain = compare(model, images, ["gradcam", "scorecam"], [0, 1], "layer")
    judged = compare(model, images, ["gradcam", "scorecam"], [0, 1], "layer", metrics=["area"])
    for one, other in zip(plain, judged, strict=True):
        assert torch.equal(one.cam, other.cam)


def test_costs_count_the_runs_of_each_method_alone():
    model, images = conv_net(channels=6), some_images(2)
    found = compare(model, images, ["gradcam", "scorecam"], [0, 1], "layer", metrics=["area"])
    gradient, scores = found.judgement.costs["gradcam"], found.judgement.costs["scorecam"]
    channels = found[0, 0].cam.new_zeros(0).numel() + model.layer.out_channels
    assert (gradient.forward_passes, gradient.backward_passes) == (0.5, 1)
    assert scores.forward_passes == 0.5 + channels / 2  # the same masks for both targets
    assert scores.backward_passes == 0
    assert gradient.seconds > 0


def test_baselines_are_nothing_to_warn_of(recwarn):
    found = compare(conv_net(), some_images(1), ["gradcam"], [1], "layer", metrics=["area"])
    assert "same everywhere" in str(found.judgement.explanations["uniform"][0].blank())
    assert not [one for one in recwarn if "blank map" in str(one.message)]
