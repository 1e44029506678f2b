"""Heads whose maps can be computed by hand: pooling and a linear layer, affine heads, gates."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from helpers.toys import gap_linear, linear, tensor, weights_of

A = tensor([[[[1, 3], [0, 4]], [[2, 0], [0, 2]], [[4, 4], [0, 0]]]])
W, B = [[2, -1, 0.5], [0, 1, 0]], [1, 0]
SUMS, G = tensor([8, 4, 8]), tensor([0.5, -0.25, 0.125])  # G: the gradient, the same everywhere


def close(given: Tensor, wanted: Any, tolerance: float = 1e-9) -> bool:
    wanted = torch.as_tensor(wanted, dtype=torch.float64)
    assert given.dtype == torch.float64
    return given.shape == wanted.shape and bool((given - wanted).abs().max() <= tolerance)


def with_epsilon(gradient: Tensor) -> Tensor:
    alpha = gradient**2 / (2 * gradient**2 + SUMS * gradient**3 + 1e-6)
    return 4 * alpha * gradient.clamp(min=0)


POOLED: list[tuple[str, dict[str, str], Any, Any]] = [
    ("gradcam", {}, [0.5, -0.25, 0.125], [[0.25, 1], [0, 0.75]]),
    ("xgradcam", {}, [0.5, -0.25, 0.125], [[0.25, 1], [0, 0.75]]),
    ("xgradcam", {"variant": "pytorch-grad-cam"}, G * SUMS / (SUMS + 1e-7), None),
    ("ablationcam", {}, [4, -1, 1], [[0.375, 1], [0, 0.875]]),
    ("ablationcam", {"variant": "paper"}, [0.8, -0.2, 0.2], [[0.375, 1], [0, 0.875]]),
    ("ablationcam", {"variant": "pytorch-grad-cam"}, [0.8, -0.2, 0.2], [[0.375, 1], [0, 0.875]]),
    ("ablationcam", {"variant": "slope"}, tensor([4, -1, 1]) / tensor([26, 8, 32]).sqrt(), None),
    ("gradcam++", {}, [1 / 3, 0, 1 / 6], [[0.6, 1], [0, 0.8]]),
    ("gradcam++", {"negative_sum": "raw"}, [1 / 3, 0, 1 / 6], [[0.6, 1], [0, 0.8]]),
    ("gradcam++", {"variant": "official"}, [0.5, 0, 0.125], [[0.5, 1], [0, 1]]),
    ("gradcam++", {"variant": "pytorch-grad-cam"}, with_epsilon(G), None),
]


@pytest.mark.parametrize("target", [0, lambda output: output[0]], ids=["class", "callable"])
@pytest.mark.parametrize(("method", "options", "weights", "shown"), POOLED)
def test_pooling_and_a_linear_layer(
    method: str, options: dict[str, str], weights: Any, shown: Any, target: Any
) -> None:
    """T1. A callable target takes AblationCAM through tail runs in place of the closed form."""
    given, e = weights_of(gap_linear(W, B), A, method, target, **options)
    assert close(given[0], weights)
    wanted = torch.as_tensor(weights, dtype=torch.float64)
    assert close(e.cam[0], (wanted[:, None, None] * A[0]).sum(0))
    assert close(e.score, [5.0])
    if shown is not None:
        assert close(e.cam[0].relu() / e.cam[0].max(), shown)


def test_the_xgradcam_map_of_pooling_and_a_linear_layer_sums_to_the_score_less_its_bias() -> None:
    _, e = weights_of(gap_linear(W, B), A, "xgradcam")
    assert close(e.cam, [[[0.5, 2], [0, 1.5]]])
    assert close(e.cam.sum((1, 2)), [5.0 - 1.0])


@pytest.mark.parametrize(
    ("scale", "exact", "epsilon"),
    [(1e-3, [0.500, 1, 0, 0.9996], [0.273, 0.773, 0, 1.0]), (1e-8, [0.5, 1, 0, 1], [0, 0, 0, 0])],
)
def test_gradcam_plusplus_needs_no_epsilon_where_gradients_are_small(
    scale: float, exact: list[float], epsilon: list[float]
) -> None:
    """The epsilon moves the maximum to another pixel, then erases the map."""
    model = gap_linear((tensor(W) * scale).tolist(), B)
    wanted = G.clamp(min=0) * scale * 4 / (2 + SUMS * G * scale)
    given, e = weights_of(model, A, "gradcam++")
    assert close(given[0] / scale, wanted / scale)
    assert close((e.cam / e.cam.max()).flatten(), exact, 5e-4)
    given, e = weights_of(model, A, "gradcam++", variant="pytorch-grad-cam")
    assert close(given[0] / scale, with_epsilon(G * scale) / scale)
    top = max(float(e.cam.max()), 1e-12)
    assert close((e.cam / top).flatten(), epsilon, 5e-4)


@pytest.mark.parametrize("bias", [-20, -4, 50])
def test_the_drop_does_not_mind_a_score_of_zero_or_below(bias: float) -> None:
    given, _ = weights_of(gap_linear(W, [bias, 0]), A, "ablationcam")
    assert close(given[0], [4, -1, 1])


@pytest.mark.filterwarnings("ignore:blank map")
def test_the_division_by_the_score_that_the_paper_asks_for_turns_the_map_over() -> None:
    model = gap_linear(W, [-20, 0])  # the score is -16
    given, e = weights_of(model, A, "ablationcam", variant="paper")
    assert close(given[0], [-4 / 16, 1 / 16, -1 / 16])
    assert not e.heatmap.any()


AFFINE: list[tuple[str, dict[str, str], Any, Any]] = [
    ("gradcam", {}, [0.5, 1], [2, 4]),
    ("xgradcam", {}, [0.25, 1], [1.5, 2.5]),
    ("ablationcam", {}, [2, 2], [6, 14]),
    ("ablationcam", {"variant": "paper"}, [0.5, 0.5], [1.5, 3.5]),
    ("ablationcam", {"ablate": "mean"}, [-2, 0], [-4, -12]),
    ("gradcam++", {}, [0.1, 0.375], [0.575, 0.975]),
]


@pytest.mark.parametrize("target", [0, lambda output: output[0]], ids=["class", "callable"])
@pytest.mark.parametrize(("method", "options", "weights", "cam"), AFFINE)
@pytest.mark.filterwarnings("ignore:blank map")
def test_an_affine_head_with_another_gradient_at_each_position(
    method: str, options: dict[str, str], weights: Any, cam: Any, target: Any
) -> None:
    """T2. In the second channel 2 + S g is zero, where the gradient carries no weight."""
    model = nn.Sequential(
        nn.Identity(), nn.Flatten(), linear([[1, 0, -1, 3], [0, 0, 0, 1]], [0, 0])
    )
    images = tensor([[[[2, 6]], [[1, 1]]]])
    given, e = weights_of(model, images, method, target, **options)
    assert close(e.score, [4.0])
    assert close(given[0], weights)
    assert close(e.cam[0, 0], cam)


@pytest.mark.filterwarnings("ignore:blank map")
def test_drops_of_an_affine_head_are_its_xgradcam_weights_times_the_channel_sums() -> None:
    """T2, on random numbers: Sensitivity is exact, and the drops sum to the score less the bias."""
    images = torch.rand(2, 3, 2, 4, dtype=torch.float64)
    head = linear(torch.randn(2, 24).tolist(), [7, 0])
    model = nn.Sequential(nn.Identity(), nn.Flatten(), head)
    drops, e = weights_of(model, images, "ablationcam")
    weights, _ = weights_of(model, images, "xgradcam")
    assert close(drops, weights * images.sum((2, 3)))
    assert close(drops.sum(1), e.score - 7)
    assert not close(drops[0], drops[1])


class HalfSquares(nn.Module):
    """Half the sum of squares: the gradient is the activation itself."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        return (self.features(images) ** 2).sum((1, 2, 3))[:, None] / 2


@pytest.mark.parametrize(
    ("method", "options", "weights"),
    [
        ("gradcam", {}, [15 / 80, 4 / 80, 2 / 80]),
        ("gradcam++", {}, [15 / 17, 2 / 3, 1 / 2]),
        ("gradcam++", {"variant": "official"}, [1, 1, 1]),
        ("xgradcam", {}, [1, 1, 1]),
    ],
)
def test_the_example_of_the_gradcam_plusplus_paper(
    method: str, options: dict[str, str], weights: list[float]
) -> None:
    """T2b, its figure 2. The cubed gradients that one library sums would give 15, 4, 2."""
    images = torch.zeros(1, 3, 80, dtype=torch.float64)
    for channel, count in enumerate((15, 4, 2)):
        images[0, channel, 10 * channel : 10 * channel + count] = 1
    given, _ = weights_of(HalfSquares(), images.view(1, 3, 8, 10), method, 1, "features", **options)
    assert close(given[0], weights)


class Gate(nn.Module):
    """OR: 1 - relu(1 - m1 - m2), saturated where the sum passes 1; AND: relu(m1 + m2 - 1)."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.features, self.kind = nn.Identity(), kind

    def forward(self, images: Tensor) -> Tensor:
        total = self.features(images).sum((1, 2, 3))[:, None]
        return 1 - (1 - total).relu() if self.kind == "or" else (total - 1).relu()


@pytest.mark.parametrize("method", ["gradcam", "gradcam++", "xgradcam"])
def test_a_saturated_gate_has_an_empty_map_that_says_why(method: str) -> None:
    """T4."""
    images = tensor([[[[0.8]], [[0.6]]]])
    with pytest.warns(camkit.CamkitWarning, match="gradient is exactly zero at every position"):
        given, e = weights_of(Gate("or"), images, method, 1, "features")
    assert close(given, [[0.0, 0.0]])
    assert close(e.cam, [[[0.0]]])
    assert not e.heatmap.any()
    assert "saturated" in str(e.blank(0))


@pytest.mark.parametrize(
    ("kind", "images", "method", "weights"),
    [
        ("or", [0.8, 0.6], "ablationcam", [0.4, 0.2]),
        ("and", [0.9, 0.9], "ablationcam", [0.8, 0.8]),
        ("and", [0.9, 0.9], "gradcam", [1, 1]),
        ("and", [0.9, 0.9], "xgradcam", [1, 1]),
        ("and", [0.9, 0.9], "gradcam++", [1 / 2.9, 1 / 2.9]),
    ],
)
def test_gates(kind: str, images: list[float], method: str, weights: list[float]) -> None:
    """T4. The drops of an AND do not sum to its score."""
    given, e = weights_of(Gate(kind), tensor(images).view(1, 2, 1, 1), method, 1, "features")
    assert close(given[0], weights)
    assert close(e.score, [1.0 if kind == "or" else 0.8])
    assert "same everywhere" in str(e.blank(0))  # there is one position
