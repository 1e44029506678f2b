"""Smoothed maps, and the guided gradient."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.maps import heatmaps, principal_map
from helpers.small_cnn import close, five, pictures, small


@five
def test_aug_smooth_is_the_mean_of_six_views_for_the_target_of_the_image_itself(
    method: str,
) -> None:
    model, images = small(), pictures(3)
    top = model(images).argmax(1)
    views = []
    for factor in (0.9, 1.0, 1.1):
        views.append(camkit.explain(model, images * factor, method, top, "body").cam)
        mirrored = camkit.explain(model, images.flip(-1) * factor, method, top, "body").cam
        views.append(mirrored.flip(-1))
    explanation = camkit.explain(model, images, method, None, "body", aug_smooth=True)
    assert close(explanation.cam, torch.stack(views).mean(0))
    assert torch.equal(explanation.target, top)
    assert torch.equal(explanation.score, model(images).amax(1))


def test_the_target_does_not_follow_the_views() -> None:
    """The image itself is of class 0, and each mirrored view is of class 1."""
    model = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.Flatten(), nn.Linear(4, 2, bias=False))
    with torch.no_grad():
        model[0].weight.copy_(torch.ones(2, 1, 1, 1))
        model[2].weight.copy_(torch.tensor([[1.0, 0, 1, 0], [0, 1, 0, 1]]))
    image = torch.tensor([[[[2.0, 1.0]]]])
    explanation = camkit.explain(model, image, "gradcam", None, "0", aug_smooth=True)
    assert model(image.flip(-1)).argmax().item() == 1
    assert explanation.target.tolist() == [0]
    assert explanation.score.tolist() == [4.0]


@five
def test_eigen_smooth_is_the_principal_component_with_the_sign_of_the_sum(method: str) -> None:
    model, images = small(), pictures(3)
    plain = camkit.explain(model, images, method, 1, "body").cam
    smoothed = camkit.explain(model, images, method, 1, "body", eigen_smooth=True).cam
    assert smoothed.shape == plain.shape
    centred = plain - plain.mean((1, 2), keepdim=True)
    assert ((smoothed * centred).sum((1, 2)) > 0).all()
    assert not close(smoothed, plain)


def test_eigen_smooth_of_one_channel_is_that_channel_around_its_mean() -> None:
    evidence = torch.randn(2, 1, 3, 4, dtype=torch.float64)
    expected = evidence[:, 0] - evidence[:, 0].mean((1, 2), keepdim=True)
    assert close(principal_map(evidence), expected)


def test_a_method_that_sums_no_channels_says_that_eigen_smoothing_did_nothing() -> None:
    def mean_map(probe: camkit.Probe) -> Tensor:
        return probe.activations.mean(1)

    explanation = camkit.explain(small(), pictures(), mean_map, 1, "body", eigen_smooth=True)
    assert explanation.notes == (
        "eigen smoothing did nothing: mean_map does not sum over channels",
    )


@five
def test_guided_is_the_guided_gradient_times_the_heatmap(method: str) -> None:
    model, images = small(), pictures()
    explanation = camkit.explain(model, images, method, 1, "body", guided=True)
    gradients: list[Tensor] = []

    def guided(probe: camkit.Probe) -> Tensor:
        gradients.append(probe.guided_gradients()[0])
        return gradients[0].sum(1)

    camkit.explain(model, images, guided, 1, "body")
    assert explanation.guided.shape == images.shape
    assert close(explanation.guided, gradients[0] * heatmaps(explanation.cam, (12, 16))[:, None])


def test_layers_are_joined_by_their_mean_or_their_greatest_values() -> None:
    model, images = small(), pictures(2)
    layers = [name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)][:2]
    alone = [camkit.explain(model, images, "gradcam", 1, layer).cam for layer in layers]
    sized = [cam / cam.abs().amax((1, 2), keepdim=True) for cam in alone]
    finest = max((cam.shape[1:] for cam in sized), key=torch.Size.numel)
    stacked = torch.stack([camkit.upsample(cam, finest) for cam in sized])
    mean = camkit.explain(model, images, "gradcam", 1, layers)
    most = camkit.explain(model, images, "gradcam", 1, layers, fuse_layers="max")
    assert close(mean.cam, stacked.mean(0))
    assert close(most.cam, stacked.amax(0))
    assert most.provenance["fuse_layers"] == "max"
    assert "fuse_layers" not in mean.provenance
