"""explain: what an explanation says, and whose options it takes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from helpers.small_cnn import close, five, pictures, small

pytestmark = pytest.mark.filterwarnings("ignore:blank map")


# What an explanation is


@five
@pytest.mark.parametrize("size", [(16, 16), (24, 16), (16, 24), (17, 23), (1, 9)])
def test_maps_have_the_layers_grid_and_heatmaps_the_images_size(
    method: str, size: tuple[int, int]
) -> None:
    explanation = camkit.explain(small(), pictures(2, *size), method, 1, "body")
    assert explanation.cam.shape == (2, -(-size[0] // 2), -(-size[1] // 2))
    assert explanation.heatmap.shape == (2, *size)
    assert explanation.heatmap.dtype == torch.float32
    assert explanation.heatmap.min() >= 0
    for cam, heat in zip(explanation.cam, explanation.heatmap, strict=True):
        assert float(heat.max()) == (1 if cam.max() > 0 else 0)


def test_a_heatmap_is_the_map_without_its_negative_part_resized_and_scaled_by_its_maximum() -> None:
    explanation = camkit.explain(small(), pictures(), "gradcam", 1, "body")
    expected = nn.functional.interpolate(
        explanation.cam.relu()[:, None], (12, 16), mode="bilinear", align_corners=False
    )[:, 0]
    expected = expected / expected.amax((1, 2), keepdim=True)
    assert close(explanation.heatmap, expected.float(), 1e-6)
    assert (explanation.to_numpy() == explanation.heatmap.numpy()).all()


def test_the_rest_of_an_explanation_says_what_was_explained() -> None:
    model, images = small(), pictures()
    explanation = camkit.explain(model, images, "ablationcam", None, "body", variant="paper")
    logits = model(images).detach()
    assert torch.equal(explanation.logits, logits)
    assert torch.equal(explanation.target, logits.argmax(1))
    assert torch.equal(explanation.score, logits.amax(1))
    assert (explanation.method, explanation.layer, explanation.adapter) == (
        "ablationcam", "body", "no adapter, layer given",
    )  # fmt: skip
    assert explanation.options == {"variant": "paper"}
    assert explanation.provenance["layers"] == ["body"]
    assert explanation.notes == ()
    assert [explanation.blank(index) for index in range(len(explanation))] == [None, None]
    assert (
        explanation.describe(1)
        == f"class {int(explanation.target[1])} {float(explanation.score[1]):.2f}"
    )


def test_one_image_may_come_without_its_batch() -> None:
    model, images = small(), pictures()
    expected = camkit.explain(model, images[:1], "gradcam", 1, "body")
    explanation = camkit.explain(model, images[0], "gradcam", 1, "body")
    assert explanation.images.shape == (1, 3, 12, 16)
    assert torch.equal(explanation.cam, expected.cam)


def test_twice_the_score_is_twice_the_raw_map_and_the_same_heatmap() -> None:
    model, images = small(), pictures()
    once = camkit.explain(model, images, "gradcam", lambda row: row[1], "body")
    twice = camkit.explain(model, images, "gradcam", lambda row: 2 * row[1], "body")
    assert close(twice.cam, 2 * once.cam)
    assert close(twice.heatmap, once.heatmap, 1e-6)


# Methods and their options


def test_a_function_is_a_method_with_its_keywords_as_options() -> None:
    def powered(probe: camkit.Probe, *, power: float = 1.0) -> Tensor:
        return probe.weighted_sum(probe.gradients.mean((2, 3))) ** power

    model, images = small(), pictures()
    plain = camkit.explain(model, images, powered, 1, "body")
    cubed = camkit.explain(model, images, powered, 1, "body", power=3)
    assert plain.method == "powered"
    assert cubed.options == {"power": 3}
    assert close(plain.cam, camkit.explain(model, images, "gradcam", 1, "body").cam)
    assert close(cubed.cam, plain.cam**3)


def test_each_method_gets_the_options_it_takes() -> None:
    comparison = camkit.compare(
        small(), pictures(), ["gradcam", "xgradcam"], [1], "body", variant="paper", tol=0.5
    )
    assert [explanation.options for explanation in comparison] == [
        {},
        {"variant": "paper", "tol": 0.5},
    ]
