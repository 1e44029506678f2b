"""Targets for vectors and numbers: similarity and regression."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import RegressionTarget, SimilarityTarget
from helpers.toys import pictures

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")


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
    explanation = camkit.explain(model, images, target=SimilarityTarget(first), layer="features")
    assert float(explanation.score[0]) == pytest.approx(1)
    assert float(explanation.score[1]) < 1
    named = Embedder(lambda vectors: {"image_embeds": vectors, "text_embeds": vectors[:1] * 2})
    target = SimilarityTarget(first, "image_embeds")
    again = camkit.explain(named, images, target=target, layer="features")
    torch.testing.assert_close(again.cam, explanation.cam)


def test_the_gradient_of_a_similarity() -> None:
    """d cos / d e = (t / |t| - cos e / |e|) / |e|, spread over the grid's 16 places."""
    model, images = Embedder(), pictures(1)
    towards = torch.tensor([1.0, -2, 0, 0.5, 1], dtype=torch.float64)
    explanation = camkit.explain(model, images, target=SimilarityTarget(towards), layer="features")
    with torch.no_grad():
        features = model.features(images)[0]
    means = features.mean((1, 2))
    unit, length = means / means.norm(), means.norm()
    slope = (towards / towards.norm() - explanation.score[0] * unit) / length / 16
    torch.testing.assert_close(explanation.cam[0], (slope[:, None, None] * features).sum(0))


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
    explanation = camkit.explain(model, pictures(), target=RegressionTarget(), layer="features")
    torch.testing.assert_close(explanation.score, model(pictures()).detach())


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (SimilarityTarget(torch.ones(4)), r"an embedding \(4,\) .* got \(5,\)"),
        (SimilarityTarget(torch.ones(5), "embeds"), r"'embeds', a vector .* got a tensor \(5,\)"),
        (RegressionTarget(5), "5 is out of range: the model predicts 5 numbers"),
    ],
)
def test_what_is_wrong_with_a_vector_target_is_said(target: Any, message: str) -> None:
    with pytest.raises(camkit.TargetError, match=message):
        camkit.explain(Embedder(), pictures(), target=target, layer="features")
