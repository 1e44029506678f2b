"""Targets for segmentation: a class in a mask, or where the model finds it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import SegmentationTarget
from camkit_core.inputs.targets.found import classes_in
from helpers.toys import pictures

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
METHODS = ("gradcam", "gradcam++", "xgradcam", "ablationcam", "scorecam")


class Segmenter(nn.Module):
    """Features, and for each pixel the scores of three classes."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features, self.classes = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 3, 1)
        self.double()

    def forward(self, images: Tensor) -> Any:
        return {"out": self.classes(self.features(images).relu())}


def test_of_a_class_in_a_mask_the_gradient_is_that_of_its_mean_score_there() -> None:
    model, images = Segmenter().eval(), pictures(1)
    mask = torch.zeros(6, 6)
    mask[1:3, 2:5] = 1
    explanation = camkit.explain(model, images, "gradcam", SegmentationTarget(1, mask), "features")
    activations = model.features(images)[0]
    # d mean / d A_k(p) = w_k / 6 in the mask where A_k > 0.
    weights = model.classes.weight[1, :, 0, 0] * ((activations > 0) * mask).sum((1, 2)) / 6 / 36
    expected = (weights[:, None, None] * activations).sum(0)
    torch.testing.assert_close(explanation.cam[0], expected)


@pytest.mark.parametrize("method", METHODS)
def test_without_a_mask_it_is_what_the_model_finds_in_the_plain_image(method: str) -> None:
    model, images = Segmenter().eval(), pictures()
    masks = model(images)["out"].argmax(1) == 0
    given = [SegmentationTarget(0, mask) for mask in masks]
    expected = camkit.explain(model, images, method, given, "features")
    explanation = camkit.explain(model, images, method, SegmentationTarget(0), "features")
    torch.testing.assert_close(explanation.cam, expected.cam)
    torch.testing.assert_close(explanation.score, expected.score)


def test_a_network_of_one_class_finds_it_where_its_score_is_positive() -> None:
    model, images = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 1, 1)).double(), pictures(1)
    scores = model(images)[0, 0]
    explanation = camkit.explain(model, images, target=SegmentationTarget(0), layer="0")
    torch.testing.assert_close(explanation.score[0], scores[scores > 0].mean().detach())


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (SegmentationTarget(3), "3 is out of range: the model scores 3 classes"),
        (SegmentationTarget(0, torch.ones(5, 6)), r"a mask \(6, 6\), .* got \(5, 6\)"),
        (None, r"out \(2, 3, 6, 6\); say .* target=SegmentationTarget\(\d\)$"),
    ],
)
def test_what_is_wrong_with_a_segmentation_target_is_said(target: Any, message: str) -> None:
    with pytest.raises(camkit.TargetError, match=message):
        camkit.explain(Segmenter(), pictures(), target=target, layer="features")


def test_a_class_that_is_nowhere_in_the_image_is_an_error_with_those_that_are() -> None:
    model = Segmenter()
    with torch.no_grad():
        model.classes.bias[2] = -100
    with pytest.raises(camkit.TargetError, match="finds class 2 nowhere in the image, only 0, 1"):
        camkit.explain(model, pictures(), target=SegmentationTarget(2), layer="features")


def test_a_target_about_a_place_is_not_explained_on_mirrored_views() -> None:
    with pytest.raises(camkit.TargetError, match="aug_smooth mirrors"):
        camkit.explain(
            Segmenter(), pictures(), target=SegmentationTarget(1), layer="features", aug_smooth=True
        )


@pytest.mark.parametrize(
    "name", ["fcn_resnet50", "deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large"]
)
def test_torchvision_segmentation_networks_need_no_layer(name: str) -> None:
    torch.manual_seed(0)
    model = torchvision.models.get_model(name, weights=None, weights_backbone=None).eval()
    explanation = camkit.explain(
        model, torch.rand(1, 3, 64, 96), target=SegmentationTarget(1, torch.ones(64, 96))
    )
    assert explanation.layer.startswith("backbone.")
    assert explanation.cam.shape[2] * 2 == explanation.cam.shape[1] * 3
    assert bool(explanation.cam.isfinite().all())
    assert bool(explanation.cam.amax() > explanation.cam.amin())


class Volumes(nn.Module):
    """The same for volumes, in a tuple with a loss and class scores."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features, self.classes = nn.Conv3d(1, 4, 3, padding=1), nn.Conv3d(4, 2, 1)

    def forward(self, volumes: Tensor) -> Any:
        maps = self.classes(self.features(volumes))
        return maps, maps.mean((2, 3, 4)), maps.sum()


def test_volumes_are_explained_in_a_mask_or_where_the_class_is_found() -> None:
    model, volumes = Volumes().eval(), torch.randn(2, 1, 4, 5, 6)
    maps = model(volumes)[0].detach()
    mask = torch.rand(4, 5, 6) > 0.5
    e = camkit.explain(model, volumes, target=SegmentationTarget(1, mask), layer="features")
    torch.testing.assert_close(e.score, maps[:, 1, mask].mean(1))
    found = camkit.explain(model, volumes, target=SegmentationTarget(1), layer="features")
    where = maps[0].argmax(0) == 1
    torch.testing.assert_close(found.score[0], maps[0, 1][where].mean())


@pytest.mark.parametrize(
    "form", [torch.Tensor.numpy, torch.Tensor.tolist, torch.Tensor.int, lambda mask: mask[None]]
)
def test_a_mask_may_be_an_array_or_have_numbers(form: Any) -> None:
    mask = torch.zeros(6, 6, dtype=torch.bool)
    mask[:3, 2:] = True
    plain, given = (
        camkit.explain(Segmenter(), pictures(), target=SegmentationTarget(1, m), layer="features")
        for m in (mask, form(mask))
    )
    torch.testing.assert_close(given.cam, plain.cam)


class Coarse(Segmenter):
    """Scores at half the size of the image."""

    def forward(self, images: Tensor) -> Any:
        return nn.functional.avg_pool2d(super().forward(images)["out"], 2, ceil_mode=True)


def test_a_mask_as_large_as_the_image_weighs_the_pixels_of_a_smaller_output() -> None:
    mask = torch.zeros(6, 6)
    mask[:3, :2] = 1  # all of the pixel (0, 0), half of (1, 0)
    model = Coarse()
    e = camkit.explain(model, pictures(), target=SegmentationTarget(1, mask), layer="features")
    maps = model(pictures()).detach()[:, 1]
    torch.testing.assert_close(e.score, (maps[:, 0, 0] + maps[:, 1, 0] / 2) / 1.5)


@pytest.mark.parametrize("shape", [(12, 6), (6, 24), (2, 2), (6,), (1, 1, 6, 6, 6)])
def test_a_mask_of_other_proportions_is_refused(shape: tuple[int, ...]) -> None:
    target = SegmentationTarget(1, torch.ones(shape))
    with pytest.raises(camkit.TargetError, match=r"expected a mask \(3, 3\), as large as"):
        camkit.explain(Coarse(), pictures(), target=target, layer="features")


def test_an_empty_mask_is_refused() -> None:
    target = SegmentationTarget(1, torch.zeros(6, 6))
    with pytest.raises(camkit.TargetError, match="the mask is empty"):
        camkit.explain(Segmenter(), pictures(), target=target, layer="features")


class Single(Segmenter):
    """The scores of the only class, without an axis for it."""

    def forward(self, images: Tensor) -> Any:
        return super().forward(images)["out"][:, 0]


def test_scores_without_an_axis_for_classes_need_a_mask() -> None:
    model, mask = Single(), torch.eye(6)
    e = camkit.explain(model, pictures(), target=SegmentationTarget(0, mask), layer="features")
    torch.testing.assert_close(e.score, model(pictures()).detach()[:, mask.bool()].mean(1))
    with pytest.raises(camkit.TargetError, match="no axis, pass output=") as told:
        camkit.explain(model, pictures(), target=SegmentationTarget(0), layer="features")
    output = eval(str(told.value).split("pass output=")[1])
    again = SegmentationTarget(0, mask)
    torch.testing.assert_close(
        camkit.explain(model, pictures(), target=again, layer="features", output=output).cam, e.cam
    )


class Foreground(Segmenter):
    """The probability of one class at each pixel."""

    def forward(self, images: Tensor) -> Any:
        return super().forward(images)["out"][:, :1].sigmoid()


def test_a_probability_of_the_only_class_is_found_above_a_half() -> None:
    model = Foreground()
    p = model(pictures()).detach()[:, 0]
    e = camkit.explain(model, pictures(), target=SegmentationTarget(0), layer="features")
    torch.testing.assert_close(e.score[0], p[0][p[0] > 0.5].mean())


def test_in_a_map_without_values_no_class_is_found() -> None:
    """As on the meta device, where layers are chosen by shapes alone."""
    assert classes_in(torch.zeros(3, 4, 4, device="meta")) == []
