"""Targets for segmentation, detection, similarity and regression."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import DetectionTarget, RegressionTarget, SegmentationTarget, SimilarityTarget
from camkit_core.inputs.targets.detection import overlap
from camkit_core.inputs.targets.resolve import resolve

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
METHODS = ("gradcam", "gradcam++", "xgradcam", "ablationcam", "scorecam")


# Segmentation


class Segmenter(nn.Module):
    """Features, and for each pixel the scores of three classes."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features, self.classes = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 3, 1)
        self.double()

    def forward(self, images: Tensor) -> Any:
        return {"out": self.classes(self.features(images).relu())}


def pictures(count: int = 2, side: int = 6) -> Tensor:
    return torch.randn(count, 3, side, side, dtype=torch.float64, generator=torch.manual_seed(1))


def test_of_a_class_in_a_mask_the_gradient_is_that_of_its_mean_score_there() -> None:
    model, images = Segmenter().eval(), pictures(1)
    mask = torch.zeros(6, 6)
    mask[1:3, 2:5] = 1
    found = camkit.explain(model, images, "gradcam", SegmentationTarget(1, mask), "features")
    activations = model.features(images)[0]
    # d mean / d A_k(p) = w_k / 6 in the mask where A_k > 0.
    weights = model.classes.weight[1, :, 0, 0] * ((activations > 0) * mask).sum((1, 2)) / 6 / 36
    expected = (weights[:, None, None] * activations).sum(0)
    torch.testing.assert_close(found.cam[0], expected)


@pytest.mark.parametrize("method", METHODS)
def test_without_a_mask_it_is_what_the_model_finds_in_the_plain_image(method: str) -> None:
    model, images = Segmenter().eval(), pictures()
    masks = model(images)["out"].argmax(1) == 0
    given = [SegmentationTarget(0, mask) for mask in masks]
    expected = camkit.explain(model, images, method, given, "features")
    found = camkit.explain(model, images, method, SegmentationTarget(0), "features")
    torch.testing.assert_close(found.cam, expected.cam)
    torch.testing.assert_close(found.score, expected.score)


def test_a_network_of_one_class_finds_it_where_its_score_is_positive() -> None:
    model, images = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 1, 1)).double(), pictures(1)
    scores = model(images)[0, 0]
    found = camkit.explain(model, images, target=SegmentationTarget(0), layer="0")
    torch.testing.assert_close(found.score[0], scores[scores > 0].mean().detach())


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (SegmentationTarget(3), "3 is out of range: the model scores 3 classes"),
        (SegmentationTarget(0, torch.ones(5, 6)), r"a mask \(6, 6\), .* got \(5, 6\)"),
        (None, r"out \(2, 3, 6, 6\); say .* target=SegmentationTarget\(category\)"),
    ],
)
def test_what_is_wrong_with_a_segmentation_target_is_said(target: Any, said: str) -> None:
    with pytest.raises(camkit.TargetError, match=said):
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
    found = camkit.explain(
        model, torch.rand(1, 3, 64, 96), target=SegmentationTarget(1, torch.ones(64, 96))
    )
    assert found.layer.startswith("backbone.")
    assert found.cam.shape[2] * 2 == found.cam.shape[1] * 3
    assert bool(found.cam.isfinite().all())
    assert bool(found.cam.amax() > found.cam.amin())


# Detection


class Detector(nn.Module):
    """Two boxes an image, one of each class, whose scores are means of a half of a channel."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Identity()

    def forward(self, images: Any) -> Any:
        return [self.found(one) for one in self.features(images)]

    def found(self, features: Tensor) -> Any:
        scores = torch.stack([features[0, :, :2].mean(), features[1, :, 2:].mean()])
        boxes = torch.tensor([[0.0, 0, 2, 4], [2, 0, 4, 4]], dtype=features.dtype)
        kept = scores > 0.1
        return {"boxes": boxes[kept], "labels": torch.tensor([1, 2])[kept], "scores": scores[kept]}


def scenes() -> Tensor:
    return torch.rand(2, 3, 4, 4, dtype=torch.float64, generator=torch.manual_seed(3)) + 0.2


def test_of_a_detected_object_the_map_is_that_of_its_score() -> None:
    images = scenes()
    found = camkit.explain(Detector(), images, "gradcam", DetectionTarget(2), "features")
    torch.testing.assert_close(found.score, images[:, 1, :, 2:].mean((1, 2)))
    torch.testing.assert_close(found.cam, images[:, 1] / 16)
    assert [target.box for target in found.target] == [(2, 0, 4, 4)] * 2


def test_of_a_box_it_is_the_score_times_the_overlap() -> None:
    images = scenes()
    target = DetectionTarget(1, (0, 0, 2, 2))
    found = camkit.explain(Detector(), images, "gradcam", target, "features")
    torch.testing.assert_close(found.score, images[:, 0, :, :2].mean((1, 2)) / 2)


def test_ablation_counts_an_object_that_is_lost_as_zero_and_leaves_the_other_image_alone() -> None:
    images = scenes()
    found = camkit.explain(Detector(), images, "ablationcam", DetectionTarget(1), "features")
    torch.testing.assert_close(
        found.cam, found.score[:, None, None] * images[:, 0], msg="only channel 0 counts"
    )


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_of_scenes_equals_its_scenes(method: str) -> None:
    images = scenes()
    together = camkit.explain(Detector(), images, method, DetectionTarget(2), "features").cam
    for index in range(2):
        alone = images[index : index + 1]
        found = camkit.explain(Detector(), alone, method, DetectionTarget(2), "features").cam
        torch.testing.assert_close(found[0], together[index])


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (DetectionTarget(7), r"no object of class 7; it finds class \d at \[\d, 0, \d, 4\] \(0"),
        (DetectionTarget(1, (3, 0, 4, 4)), r"no object of class 1 that overlaps \(3, 0, 4, 4\)"),
        (None, r"list of 2, each a dict .* target=DetectionTarget\(category\)"),
    ],
)
def test_what_is_wrong_with_a_detection_target_is_said(target: Any, said: str) -> None:
    with pytest.raises(camkit.TargetError, match=said):
        camkit.explain(Detector(), scenes(), target=target, layer="features")


def test_the_overlap_of_boxes() -> None:
    boxes = torch.tensor([[0.0, 0, 2, 2], [1, 1, 3, 3], [5, 5, 6, 6], [1, 1, 1, 1]])
    assert overlap(boxes, (0, 0, 2, 2)).tolist() == pytest.approx([1, 1 / 7, 0, 0])


@pytest.mark.parametrize(
    ("name", "layer", "grid"),
    [
        ("fasterrcnn_mobilenet_v3_large_fpn", "backbone.body.16", (3, 3)),
        ("retinanet_resnet50_fpn", "backbone.body.layer4", (3, 3)),
        ("ssdlite320_mobilenet_v3_large", "backbone.features.0", (20, 20)),
    ],
)
def test_torchvision_detectors_need_no_layer(name: str, layer: str, grid: tuple[int, int]) -> None:
    """The grid covers the image (here 96x100 in 96x128), not what the model pads it to."""
    torch.manual_seed(0)
    threshold = "box_score_thresh" if "rcnn" in name else "score_thresh"
    sizes = {} if name.startswith("ssd") else {"min_size": 96, "max_size": 160}
    model = torchvision.models.get_model(
        name, weights=None, weights_backbone=None, **{threshold: 0.0}, **sizes
    ).eval()
    images = torch.rand(1, 3, 96, 100)
    with torch.no_grad():
        category = int(model(images)[0]["labels"][0])
    found = camkit.explain(model, images, target=DetectionTarget(category))
    assert (found.layer, tuple(found.cam.shape[1:])) == (layer, grid)
    assert bool(found.cam.isfinite().all())
    assert bool(found.cam.any())


# Similarity and regression


class Embedder(nn.Module):
    def __init__(self, wrap: Any = lambda vectors: vectors) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features, self.wrap = nn.Conv2d(3, 5, 3), wrap
        self.double()

    def forward(self, images: Tensor) -> Any:
        return self.wrap(self.features(images).mean((2, 3)))


def test_similarity_to_another_image_is_highest_for_the_image_itself() -> None:
    model, images = Embedder(), pictures()
    with torch.no_grad():
        first = model(images)[0]
    found = camkit.explain(model, images, target=SimilarityTarget(first), layer="features")
    assert float(found.score[0]) == pytest.approx(1)
    assert float(found.score[1]) < 1
    named = Embedder(lambda vectors: {"image_embeds": vectors, "text_embeds": vectors[:1] * 2})
    target = SimilarityTarget(first, "image_embeds")
    again = camkit.explain(named, images, target=target, layer="features")
    torch.testing.assert_close(again.cam, found.cam)


def test_the_gradient_of_a_similarity() -> None:
    """d cos / d e = (t / |t| - cos e / |e|) / |e|, spread over the grid's 16 places."""
    model, images = Embedder(), pictures(1)
    towards = torch.tensor([1.0, -2, 0, 0.5, 1], dtype=torch.float64)
    found = camkit.explain(model, images, target=SimilarityTarget(towards), layer="features")
    with torch.no_grad():
        features = model.features(images)[0]
    own = features.mean((1, 2))
    unit, length = own / own.norm(), own.norm()
    slope = (towards / towards.norm() - found.score[0] * unit) / length / 16
    torch.testing.assert_close(found.cam[0], (slope[:, None, None] * features).sum(0))


def test_a_predicted_number_is_explained_by_itself_or_by_how_near_it_comes() -> None:
    model, images = Embedder(), pictures(1)
    up = camkit.explain(model, images, target=RegressionTarget(2), layer="features")
    assert float(up.score) == pytest.approx(float(model(images)[0, 2].detach()))
    above = RegressionTarget(2, float(up.score) + 1)
    nearer = camkit.explain(model, images, target=above, layer="features")
    torch.testing.assert_close(nearer.cam, up.cam)
    assert float(nearer.score) == pytest.approx(-1)
    below = RegressionTarget(2, float(up.score) - 1)
    torch.testing.assert_close(
        camkit.explain(model, images, target=below, layer="features").cam, -up.cam
    )


def test_a_network_with_one_number_for_each_image_is_explained() -> None:
    model = Embedder(lambda vectors: vectors[:, 0])
    found = camkit.explain(model, pictures(), target=RegressionTarget(), layer="features")
    torch.testing.assert_close(found.score, model(pictures()).detach())


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (SimilarityTarget(torch.ones(4)), r"an embedding \(4,\) .* got \(5,\)"),
        (SimilarityTarget(torch.ones(5), "embeds"), r"'embeds', a vector .* got a tensor \(5,\)"),
        (RegressionTarget(5), "5 is out of range: the model predicts 5 numbers"),
    ],
)
def test_what_is_wrong_with_a_vector_target_is_said(target: Any, said: str) -> None:
    with pytest.raises(camkit.TargetError, match=said):
        camkit.explain(Embedder(), pictures(), target=target, layer="features")


# What a target may state of itself


class Ahead:
    """How far a class is ahead of the class that comes second in the plain image."""

    def __init__(self, category: int, rival: int | None = None) -> None:
        self.category, self.rival = category, rival

    def __call__(self, sample: Tensor) -> Tensor:
        return sample[self.category] - sample[self.rival]

    def fixed(self, sample: Tensor) -> Ahead:
        first, second = sample.topk(2).indices.tolist()
        return Ahead(self.category, second if first == self.category else first)


class Passing:
    """A target inside another object, which passes its attributes on."""

    def __init__(self, target: Any) -> None:
        self.target = target

    def __call__(self, sample: Any) -> Tensor:
        return self.target(sample)  # type: ignore[no-any-return]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["target"], name)


@pytest.mark.parametrize("wrap", [lambda target: target, Passing], ids=["itself", "passed on"])
def test_a_target_of_ones_own_settles_its_rival_on_the_plain_image(wrap: Any) -> None:
    model, images = classifier(), pictures()
    chosen = [
        fixed.rival for fixed in resolve(wrap(Ahead(0)), model(images), len(images)).functions
    ]
    assert chosen == [
        max((1, 2), key=lambda category: logits[category]) for logits in model(images).tolist()
    ]


@pytest.mark.parametrize("wrap", [lambda target: target, Passing], ids=["itself", "passed on"])
def test_a_target_about_a_place_refuses_mirrored_images(wrap: Any) -> None:
    target = Ahead(0)
    target.follows_places = True  # type: ignore[attr-defined]
    with pytest.raises(camkit.TargetError, match="about a place in the image"):
        camkit.explain(classifier(), pictures(), target=wrap(target), layer="0", aug_smooth=True)


def test_an_attribute_named_fixed_that_cannot_be_called_is_left_alone() -> None:
    target = lambda sample: sample[1]  # noqa: E731
    target.fixed = True  # type: ignore[attr-defined]
    output = classifier()(pictures())
    assert resolve(target, output, len(output)).functions == (target, target)


def classifier() -> nn.Module:
    torch.manual_seed(0)
    pooled = nn.AdaptiveAvgPool2d(1), nn.Flatten()
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), *pooled, nn.Linear(4, 3)).double()
