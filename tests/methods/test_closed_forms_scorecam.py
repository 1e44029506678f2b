"""Score-CAM by hand: the paper's algorithm, its definition, and the codes in use."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from helpers.toys import conv, gap_linear, linear, tensor, weights_of

POOLED = tensor([[[[1, 3], [0, 4]], [[2, 0], [0, 2]], [[4, 4], [0, 0]]]])
STRIDED = tensor([[[[4, 0, 2, 6]]]])


def pooled() -> nn.Module:
    """T1. The masked images score 4.125, 3 and 3.5, the empty one 1, the image 5."""
    return gap_linear([[2, -1, 0.5], [0, 0, 0]], [1, 0])


def strided() -> nn.Module:
    """T5. Activations [2, 4] and [4, 0] after the ReLU "1"; the score is 4, the empty one 0."""
    layers = [conv([[[[0.5, 0.5]]], [[[1, -1]]]], stride=(1, 2)), nn.ReLU()]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear([[1, 0.5], [0, 0]], [0, 0])]
    return nn.Sequential(*layers, *head)


def by_softmax(scores: list[float]) -> Tensor:
    return tensor(scores).softmax(0)


# Through the masks [0, 1/4, 3/4, 1] and its mirror, or [0, 1/3, 2/3, 1] with aligned corners.
HALVES, THIRDS = [1.875, 2.25], [11 / 6, 7 / 3]
CASES: list[tuple[Any, Tensor, str, dict[str, str], Tensor, Any]] = [
    (pooled, POOLED, "0", {}, by_softmax([4.125, 3, 3.5]), [0.537659, 0.174552, 0.287788]),
    (pooled, POOLED, "0", {"variant": "torch-cam"}, by_softmax([4.125, 3, 3.5]), None),
    (pooled, POOLED, "0", {"variant": "pytorch-grad-cam"}, by_softmax([4.125, 3, 3.5]), None),
    (pooled, POOLED, "0", {"variant": "definition"}, tensor([3.125, 2, 2.5]), None),
    (
        pooled, POOLED, "0", {"variant": "definition", "baseline": "image"},
        tensor([-0.875, -2, -1.5]), None,
    ),
    (pooled, POOLED, "0", {"variant": "official"}, tensor([4.125, 3, 3.5]).sigmoid(), None),
    (strided, STRIDED, "1", {}, by_softmax(HALVES), [0.407333, 0.592667]),
    (strided, STRIDED, "1", {"variant": "torch-cam"}, by_softmax(HALVES), None),
    (
        strided, STRIDED, "1", {"variant": "pytorch-grad-cam"},
        by_softmax(THIRDS), [0.377541, 0.622459],
    ),
    (strided, STRIDED, "1", {"variant": "definition"}, tensor(HALVES), None),
    (strided, STRIDED, "1", {"variant": "official"}, tensor(HALVES).sigmoid(), None),
]  # fmt: skip


@pytest.mark.parametrize(("model", "images", "layer", "options", "weights", "digits"), CASES)
@pytest.mark.filterwarnings("ignore:blank map")
def test_weights_of_scorecam(
    model: Any, images: Tensor, layer: str, options: dict[str, str], weights: Tensor, digits: Any
) -> None:
    given, e = weights_of(model(), images, "scorecam", 0, layer, **options)
    activations = images[0] if layer == "0" else tensor([[[2, 4]], [[4, 0]]])
    assert (given[0] - weights).abs().max() <= 1e-9
    assert (e.cam[0] - (weights[:, None, None] * activations).sum(0)).abs().max() <= 1e-9
    if digits is not None:
        assert (given[0] - tensor(digits)).abs().max() <= 5e-7


@pytest.mark.parametrize(
    ("variant", "shown"),
    [("paper", [3.185333, 1.629334]), ("pytorch-grad-cam", [3.244919, 1.510163])],
)
def test_the_map_behind_a_strided_convolution(variant: str, shown: list[float]) -> None:
    """T5, both maps as the two libraries print them."""
    _, e = weights_of(strided(), STRIDED, "scorecam", 0, "1", variant=variant)
    assert (e.cam[0, 0] - tensor(shown)).abs().max() <= 1e-6


def test_the_map_of_pooling_and_a_linear_layer() -> None:
    _, e = weights_of(pooled(), POOLED, "scorecam")
    shown = tensor([[0.73727, 1], [0, 0.90435]])
    assert (e.cam[0] / e.cam.max() - shown).abs().max() <= 5e-6


@pytest.mark.parametrize(("variant", "masked"), [("paper", 2.0), ("torch-cam", 1.5)])
def test_a_mask_reaches_one_unless_it_was_stretched_before_resizing(
    variant: str, masked: float
) -> None:
    """A narrow peak: torch-cam's mask of [0, 1, 0] on six pixels ends at 3/4."""
    logits: list[float] = []

    def target(output: Tensor) -> Tensor:
        logits.append(float(output[0]))
        return output[0]

    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear([[6]], [0])]
    images = tensor([[[[0, 0, 1, 1, 0, 0]]]])
    weights_of(
        nn.Sequential(nn.AvgPool2d((1, 2)), *head), images, "scorecam", target, variant=variant
    )
    # The image itself is scored twice: where the layer's layout is found, and in its own pass.
    assert sorted(logits) == pytest.approx([masked, 2.0, 2.0], abs=1e-9)


@pytest.mark.parametrize("variant", ["paper", "definition", "official", "pytorch-grad-cam"])
@pytest.mark.parametrize("constant", [0.0, -3.0, 5.0])
def test_a_constant_channel_masks_everything_and_is_never_nan(
    variant: str, constant: float
) -> None:
    images = POOLED.clone()
    images[:, 1] = constant
    given, e = weights_of(pooled(), images, "scorecam", variant=variant)
    scores = tensor([float((images[0] * mask).mean((1, 2)) @ tensor([2, -1, 0.5])) + 1
                     for mask in (tensor([[0.25, 0.75], [0, 1]]), tensor([[0, 0], [0, 0]]),
                                  tensor([[1, 1], [0, 0]]))])  # fmt: skip
    if variant == "official":  # the authors' code passes over constant maps
        wanted = scores.sigmoid() * tensor([1, 0, 1])
    else:
        wanted = scores - 1 if variant == "definition" else scores.softmax(0)
    assert (given[0] - wanted).abs().max() <= 1e-9
    assert e.cam.isfinite().all()


@pytest.mark.parametrize("variant", ["paper", "definition", "official", "torch-cam"])
def test_a_constant_channel_can_be_passed_over(variant: str) -> None:
    images = POOLED.clone()
    images[:, 1] = 7
    given, _ = weights_of(pooled(), images, "scorecam", variant=variant, constant_maps="skip")
    assert given[0, 1] == 0
    assert (given[0, [0, 2]] != 0).all()


@pytest.mark.parametrize("skip", ["zero", "skip"])
@pytest.mark.filterwarnings("ignore:blank map")
def test_a_layer_of_constant_channels_only_gives_a_finite_map(skip: str) -> None:
    images = torch.ones_like(POOLED)
    _, e = weights_of(pooled(), images, "scorecam", constant_maps=skip)
    assert e.cam.isfinite().all()


class Broken(nn.Module):
    """NaN for images that add up to less than T1's do, as masked ones do."""

    def __init__(self) -> None:
        super().__init__()
        self.whole = pooled()

    def forward(self, images: Tensor) -> Tensor:
        dim = images.sum((1, 2, 3))[:, None] < 20
        return torch.where(dim, torch.nan, self.whole(images))


def test_scores_that_are_not_numbers_are_not_taken_for_an_empty_map() -> None:
    with pytest.warns(camkit.CamkitWarning, match="not finite"):
        e = camkit.explain(Broken(), POOLED, "scorecam", 0, "whole.0")
    assert not e.heatmap.any()


def test_any_baseline_cancels_in_the_papers_algorithm() -> None:
    """Its softmax over channels does not see what is taken off every score."""
    given, _ = weights_of(pooled(), POOLED, "scorecam", lambda output: output[0] - 1e3)
    wanted, _ = weights_of(pooled(), POOLED, "scorecam")
    assert (given - wanted).abs().max() <= 1e-9
    doubled, _ = weights_of(pooled(), POOLED, "scorecam", lambda output: output[0] * 2)
    assert (doubled - wanted).abs().max() > 1e-2
