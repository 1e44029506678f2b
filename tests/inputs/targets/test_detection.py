"""Targets for detection: an object that the model found, or a box."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import DetectionTarget
from camkit_core.inputs.targets.detection import overlap

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
STAGES = ", ".join(f"backbone.body.layer{stage}" for stage in (2, 3, 4))
SCALES = ", ".join(
    f"backbone.{scale}" for scale in ("features.0", "features.1", *(f"extra.{n}" for n in range(4)))
)
METHODS = ("gradcam", "gradcam++", "xgradcam", "ablationcam", "scorecam")


class Detector(nn.Module):
    """Finds two boxes in each image, one of each class; a score is the mean of half a channel."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Identity()

    def forward(self, images: Any) -> Any:
        return [self.detected(maps) for maps in self.features(images)]

    def detected(self, features: Tensor) -> Any:
        scores = torch.stack([features[0, :, :2].mean(), features[1, :, 2:].mean()])
        boxes = torch.tensor([[0.0, 0, 2, 4], [2, 0, 4, 4]], dtype=features.dtype)
        kept = scores > 0.1
        return {"boxes": boxes[kept], "labels": torch.tensor([1, 2])[kept], "scores": scores[kept]}


def scenes() -> Tensor:
    return torch.rand(2, 3, 4, 4, dtype=torch.float64, generator=torch.manual_seed(3)) + 0.2


def test_of_a_detected_object_the_map_is_that_of_its_score() -> None:
    images = scenes()
    explanation = camkit.explain(Detector(), images, "gradcam", DetectionTarget(2), "features")
    torch.testing.assert_close(explanation.score, images[:, 1, :, 2:].mean((1, 2)))
    torch.testing.assert_close(explanation.cam, images[:, 1] / 16)
    assert [target.box for target in explanation.target] == [(2, 0, 4, 4)] * 2


def test_of_a_box_it_is_the_score_times_the_overlap() -> None:
    images = scenes()
    target = DetectionTarget(1, (0, 0, 2, 2))
    explanation = camkit.explain(Detector(), images, "gradcam", target, "features")
    torch.testing.assert_close(explanation.score, images[:, 0, :, :2].mean((1, 2)) / 2)


def test_ablation_counts_an_object_that_is_lost_as_zero_and_leaves_the_other_image_alone() -> None:
    images = scenes()
    explanation = camkit.explain(Detector(), images, "ablationcam", DetectionTarget(1), "features")
    torch.testing.assert_close(
        explanation.cam,
        explanation.score[:, None, None] * images[:, 0],
        msg="only channel 0 counts",
    )


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_of_scenes_equals_its_scenes(method: str) -> None:
    images = scenes()
    together = camkit.explain(Detector(), images, method, DetectionTarget(2), "features").cam
    for index in range(2):
        alone = images[index : index + 1]
        single = camkit.explain(Detector(), alone, method, DetectionTarget(2), "features").cam
        torch.testing.assert_close(single[0], together[index])


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (DetectionTarget(7), r"no object of class 7; it finds class \d at \[\d, 0, \d, 4\] \(0"),
        (DetectionTarget(1, (3, 0, 4, 4)), r"no object of class 1 that overlaps \(3, 0, 4, 4\)"),
        (None, r"list of 2, each a dict .* target=DetectionTarget\(\d\)$"),
    ],
)
def test_what_is_wrong_with_a_detection_target_is_said(target: Any, message: str) -> None:
    with pytest.raises(camkit.TargetError, match=message):
        camkit.explain(Detector(), scenes(), target=target, layer="features")


def test_the_overlap_of_boxes() -> None:
    boxes = torch.tensor([[0.0, 0, 2, 2], [1, 1, 3, 3], [5, 5, 6, 6], [1, 1, 1, 1]])
    assert overlap(boxes, (0, 0, 2, 2)).tolist() == pytest.approx([1, 1 / 7, 0, 0])


@pytest.mark.parametrize(
    ("name", "layer", "grid"),
    [
        ("fasterrcnn_mobilenet_v3_large_fpn", "backbone.body.13, backbone.body.16", (3, 3)),
        ("retinanet_resnet50_fpn", STAGES, (12, 12)),
        ("ssdlite320_mobilenet_v3_large", SCALES, (20, 20)),
    ],
)
def test_torchvision_detectors_need_no_layer(name: str, layer: str, grid: tuple[int, int]) -> None:
    """The grid covers the image (here 96x100 of 96x128), without the model's padding."""
    torch.manual_seed(0)
    threshold = "box_score_thresh" if "rcnn" in name else "score_thresh"
    sizes = {} if name.startswith("ssd") else {"min_size": 96, "max_size": 160}
    model = torchvision.models.get_model(
        name, weights=None, weights_backbone=None, **{threshold: 0.0}, **sizes
    ).eval()
    images = torch.rand(1, 3, 96, 100)
    with torch.no_grad():
        category = int(model(images)[0]["labels"][0])
    explanation = camkit.explain(model, images, target=DetectionTarget(category))
    assert (explanation.layer, tuple(explanation.cam.shape[1:])) == (layer, grid)
    assert bool(explanation.cam.isfinite().all())
    assert bool(explanation.cam.any())
