"""Newer methods against cases worked out by hand on networks of a few weights."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import CamkitError
from helpers.toys import conv, gap_linear, tensor, weights_of
from helpers.two_channels import A1, A2, IMAGES, MODEL, cam

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")


def weights(method: str, model: nn.Module = MODEL, target: Any = 0, **options: Any) -> list[float]:
    return weights_of(model, IMAGES, method, target, "0", **options)[0][0].tolist()


# FinerCAM


def test_finercam_takes_a_share_of_the_nearest_class_off() -> None:
    # y0 - y1 / 2 has the slopes 2 - 1/2 and -4 - 1/2 at the channels' means.
    assert torch.allclose(cam("finercam", alpha=0.5), 0.375 * tensor(A1) - 1.125 * tensor(A2))


def test_finercam_compares_with_the_classes_whose_logits_are_nearest() -> None:
    # Logits 0, 1, 5 and -3: the nearest two to class 0 are 1 and 3.
    model = gap_linear([[0, 0], [2, 0], [7, 7], [0, 4]], [0, -2, 5 - 7 * 2.25, -6])
    found = camkit.explain(model, IMAGES, "finercam", 0, "0", alpha=1.0, references=2).cam[0]
    assert torch.allclose(found, -1 / 4 * tensor(A1) - 2 / 4 * tensor(A2))


def test_weighted_references_count_by_their_probability() -> None:
    # Both references have the logit 0, and so half the weight each; the slope of the weights is
    # that of the softmax, and multiplies the differences y0 - y_d, which are zero.
    model = gap_linear([[0, 0], [2, 0], [0, 4]], [0, -3, -3])
    options = {"alpha": 1.0, "references": 2, "variant": "weighted"}
    found = camkit.explain(model, IMAGES, "finercam", 0, "0", **options).cam[0]
    assert torch.allclose(found, -1 / 4 * tensor(A1) - 2 / 4 * tensor(A2))


@pytest.mark.parametrize("variant", ["mean", "weighted"])
def test_finercam_without_references_taken_off_is_gradcam(variant: str) -> None:
    assert torch.allclose(cam("finercam", alpha=0.0, references=1, variant=variant), cam("gradcam"))


# ShapleyCAM


def test_shapleycam_of_a_linear_score_is_gradcam() -> None:
    assert torch.allclose(cam("shapleycam", utility="score"), cam("gradcam"))


def test_shapleycam_takes_half_the_curvature_off() -> None:
    # With equal logits the probability is 1/2, and y0 + log p0 has, along v = (2 - 1, -4 - 1), the
    # slope w + v / 2 and the Hessian -v v' / 4 at the means (3/2, 3/4), where v is -9/4.
    model = gap_linear([[2, -4], [1, 1]], [2.25, 0])
    expected = [(w + v * (1 / 2 - 9 / 32)) / 4 for w, v in ((2, 1), (-4, -5))]
    assert weights("shapleycam", model) == pytest.approx(expected)


def test_shapleycam_of_a_square_is_half_its_slope() -> None:
    # Of y = mean^2 the slope at each position is mean / 2, and the Hessian takes half of it off.
    given = weights("shapleycam", gap_linear([[1, 0]], [0]), target=lambda row: row[0] ** 2)
    assert given == pytest.approx([1.5 / 4, 0])


# KPCA-CAM


def test_two_positions_lie_apart_as_far_as_their_kernel_says() -> None:
    # Of two positions the centred kernel has one axis, with the variance 1 - k.
    images = tensor([[[[0, 2]], [[0, 0]]]])
    component = camkit.explain(MODEL, images, "kpcacam", 0, "0", gamma=0.25).cam[0]
    away = math.sqrt((1 - math.exp(-0.25 * 4)) / 2)
    assert torch.allclose(component, tensor([[-away, away]]))


def test_kpcacam_of_equal_positions_is_empty() -> None:
    assert not camkit.explain(MODEL, torch.ones_like(IMAGES), "kpcacam", 0, "0").cam.any()


# Recipro-CAM


def stretched(scores: list[list[float]]) -> Tensor:
    values = tensor(scores)
    return (values - values.min()) / (values.max() - values.min())


def test_reciprocam_behind_global_pooling_is_cam() -> None:
    # The score of one position alone is (2 A1 - 4 A2) / 4 there.
    assert torch.allclose(cam("reciprocam", score="score"), stretched([[2, 0], [2, -4]]))


def test_reciprocam_scores_by_probability() -> None:
    # The logits differ by A1 - 5 A2, over 4.
    shares = [[1 / (1 + math.exp(-d / 4)) for d in row] for row in ([1, -3], [-2, -5])]
    assert torch.allclose(cam("reciprocam"), stretched(shares))


def test_a_gaussian_lets_neighbours_through() -> None:
    # Of [[2, 0], [2, -4]] a quarter of each value, an eighth of those beside it, a sixteenth of
    # the one across.
    expected = stretched([[0.5, -0.125], [0.25, -0.625]])
    assert torch.allclose(cam("reciprocam", score="score", gaussian=True), expected)


# IS-CAM and SS-CAM: the image seen through A1 / 3 scores 2/3, and through A2 it scores -1/2.


@pytest.mark.parametrize(("variant", "factor"), [("path", 5 / 8), ("torch-cam", 10 / 8)])
def test_iscam_averages_the_scores_of_part_of_a_mask(variant: str, factor: float) -> None:
    # A score without bias is as many times smaller as the mask; the factors of four steps are
    # 1/4 to 1, with the mean 5/8, and their running sums 1/4, 3/4, 6/4 and 10/4, with 5/4.
    expected = tensor([2 / 3 * factor, -1 / 2 * factor]).softmax(0)
    assert weights("iscam", steps=4, variant=variant) == pytest.approx(expected.tolist())


@pytest.mark.parametrize("variant", ["activations", "images", "torch-cam"])
def test_sscam_without_noise_is_scorecam(variant: str) -> None:
    masks = "torch-cam" if variant == "torch-cam" else "paper"
    given = cam("sscam", variant=variant, sigma=0.0, samples=2)
    assert torch.allclose(given, cam("scorecam", variant=masks))
    assert weights("sscam", sigma=0.0) == pytest.approx(tensor([2 / 3, -1 / 2]).softmax(0).tolist())


@pytest.mark.parametrize("variant", ["activations", "images", "torch-cam"])
def test_sscam_adds_its_noise_where_it_says(variant: str) -> None:
    generator = torch.Generator().manual_seed(3)
    scores = []
    for channel in IMAGES[0]:
        of_channel = []
        for _ in range(3):
            shape = IMAGES[0].shape if variant == "images" else channel.shape
            noise = 0.5 * torch.randn(shape, generator=generator).double()
            base = channel + noise if variant == "activations" else channel
            mask = (base - base.min()) / (base.max() - base.min())
            if variant == "torch-cam":
                mask = mask + noise
            masked = IMAGES[0] * mask + (noise if variant == "images" else 0)
            of_channel.append(MODEL(masked[None])[0, 0].item())
        scores.append(sum(of_channel) / 3)
    given = weights("sscam", variant=variant, sigma=0.5, samples=3, seed=3)
    assert given == pytest.approx(tensor(scores).softmax(0).tolist())


# Group-CAM


def test_groupcam_weighs_masks_by_what_they_gain_over_the_blurred_image() -> None:
    # Grad-CAM's shares are A1 / 2 and -A2. Of the first, 1 and 3/2 are above the median; the
    # second has no positive position. Through the mask [[0, 2/3], [1, 0]] the image stays.
    mask = tensor([[0, 2 / 3], [1, 0]])
    blurry = camkit.blurred(IMAGES, 25, 50.0)
    gain = MODEL(blurry + (IMAGES - blurry) * mask) - MODEL(blurry)
    given = cam("groupcam", groups=2, percentile=50.0, score="score")
    assert torch.allclose(given, gain[0, 0].item() * mask)
    gain = MODEL(blurry + (IMAGES - blurry) * mask).softmax(1) - MODEL(blurry).softmax(1)
    assert torch.allclose(cam("groupcam", groups=2, percentile=50.0), gain[0, 0].item() * mask)


def test_a_blur_is_a_mean_by_distance_mirrored_at_the_edges() -> None:
    # One pixel each way, of weights 1, e^-2 and e^-2 over their sum; 9 and 3 see each other twice.
    beside = math.exp(-2) / (1 + 2 * math.exp(-2))
    expected = tensor([[[9 + (3 - 9) * 2 * beside, 3 + (9 - 3) * 2 * beside]]])
    assert torch.allclose(camkit.blurred(tensor([[[9, 3]]]), 1, 0.5), expected)


# Smooth Grad-CAM++


def test_smoothgradcam_plusplus_averages_three_powers_of_the_gradient() -> None:
    # Behind two ReLU units and the weights 2 and 1 the slope at a channel's mean is 3, or 1 where
    # the first is off: noise that does so half the time gives the means 2, 5 and 14.
    class Kinked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Identity()

        def forward(self, images: Tensor) -> Tensor:
            total = self.layer(images).sum((1, 2, 3))
            return torch.stack([total + 2 * total.sub(1).relu(), -total], 1)

    generator = torch.Generator().manual_seed(0)
    noise = [float(torch.randn(1, 1, 1, generator=generator)) for _ in range(8)]
    slopes = tensor([3.0 if 1 + 0.3 * draw > 1 else 1.0 for draw in noise])
    first, second, third = (float((slopes**power).mean()) for power in (1, 2, 3))
    images = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    for numerator, above in (("second", second), ("first", first)):
        given = {"samples": 8, "numerator": numerator}
        weight, _ = weights_of(Kinked(), images, "smoothgradcam++", 0, "layer", **given)
        assert float(weight) == pytest.approx(above * first / (2 * second + third))


def test_smoothgradcam_plusplus_without_noise_is_gradcam_plusplus() -> None:
    assert torch.allclose(cam("smoothgradcam++", sigma=0.0, samples=2), cam("gradcam++"))


# FullGrad


def test_fullgrad_adds_the_images_share_and_the_biases() -> None:
    # Of x = [0, 1, 3] the layer 2 x - 1 is -1, 1 and 5, and the ReLU lets the last two through:
    # the slopes are [0, 2, 2] / 3 at the image and [0, 1, 1] / 3 at the bias, and so the shares
    # [0, 2, 6] / 3 and [0, 1, 1] / 3, each stretched to 1.
    layer = conv([[[[2]]]])
    layer.bias = nn.Parameter(tensor([-1]))
    model = nn.Sequential(layer, nn.ReLU(), *gap_linear([[1]], [5])[1:])
    total = camkit.explain(model, tensor([[[[0, 1, 3]]]]), "fullgrad", 1, "0").cam[0]
    assert torch.allclose(total, tensor([[0, 1 / 3 + 1, 2]]))


def test_official_fullgrad_stretches_a_layer_at_once() -> None:
    # Shares 2 A1 / 4 and 4 A2 / 4 of the image: alone to A1 / 3 and A2, together over their
    # greatest, 3/2.
    assert torch.allclose(cam("fullgrad"), tensor(A1) / 3 + tensor(A2))
    together = (tensor(A1) / 2 + tensor(A2)) / 1.5
    assert torch.allclose(cam("fullgrad", variant="official"), together)


# RefineCAM


def test_refinecam_multiplies_maps_stretched_to_one() -> None:
    # Grad-CAM of the finer layer is the image, and of the coarser one the mean over four pixels.
    model = nn.Sequential(nn.Identity(), nn.AvgPool2d(2), *gap_linear([[1], [0]], [0, 0])[1:])
    image = tensor([[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 2], [0, 0, 3, 2]])
    explanation = camkit.explain(model, image[None, None], "refinecam", 0, "1", base="gradcam")
    grown = tensor([0, 1 / 4, 3 / 4, 1])  # [0, 1] at twice the size
    assert torch.allclose(explanation.cam[0], image / 3 * grown * grown[:, None])
    assert "RefineCAM multiplied 1, 0" in explanation.notes


@pytest.mark.parametrize(
    ("method", "option"),
    [
        ("finercam", {"references": 0}),
        ("iscam", {"steps": 0}),
        ("sscam", {"samples": 0}),
        ("groupcam", {"groups": 0}),
        ("groupcam", {"percentile": 101.0}),
        ("smoothgradcam++", {"samples": 0}),
        ("refinecam", {"count": 0}),
    ],
)
def test_an_option_out_of_range_is_an_error_that_shows_it(
    method: str, option: dict[str, Any]
) -> None:
    [(name, value)] = option.items()
    with pytest.raises(CamkitError, match=rf"takes {name}= as .* got {value}"):
        cam(method, **option)
