"""Images get the model's device and a dtype in which it runs, also where it has several."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
HALF, SINGLE, DOUBLE = torch.bfloat16, torch.float32, torch.float64


class Body(nn.Module):
    """A convolution and a head of one dtype, behind a parameter of another that comes first."""

    def __init__(self, dtype: torch.dtype, scale: torch.dtype) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.scale = nn.Parameter(torch.ones(1).to(scale), requires_grad=False)
        self.conv, self.head = nn.Conv2d(3, 4, 3).to(dtype), nn.Linear(4, 5).to(dtype)

    def forward(self, images: Tensor) -> Tensor:
        scores = self.head(self.conv(images).relu().mean((2, 3)))
        return scores.float() * self.scale.float()


class NormsKept(nn.Module):
    """Convolutions in bfloat16 and a norm kept in float32, as checkpoints are often loaded."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.norm = nn.Conv2d(3, 4, 3).to(HALF), nn.GroupNorm(1, 4)
        self.head = nn.Linear(4, 5).to(HALF)

    def forward(self, images: Tensor) -> Tensor:
        features = self.norm(self.conv(images).float()).to(HALF)
        return self.head(features.relu().mean((2, 3)))


class FromSingle(nn.Module):
    """Normalises in float32, which it needs, before it computes in bfloat16."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.mean = Body(HALF, HALF), nn.Parameter(torch.full((3, 1, 1), 1000.0))

    def forward(self, images: Tensor) -> Tensor:
        return self.body((images - self.mean).to(HALF))


def pictures(dtype: torch.dtype) -> Tensor:
    return torch.randn(2, 3, 8, 8, generator=torch.manual_seed(1)).to(dtype)


def scores_of(model: nn.Module, images: Tensor) -> Tensor:
    with torch.no_grad():
        return model(images)[:, 1]


@pytest.mark.parametrize(
    ("body", "scale"),
    [
        (HALF, SINGLE),
        (SINGLE, HALF),
        (SINGLE, DOUBLE),
        (DOUBLE, SINGLE),
        (SINGLE, torch.float8_e4m3fn),
        (HALF, torch.float8_e5m2),
    ],
)
def test_images_in_the_dtype_that_the_model_reads_are_left_in_it(
    body: torch.dtype, scale: torch.dtype
) -> None:
    model, images = Body(body, scale).eval(), pictures(body)
    explanation = camkit.explain(model, images, target=1)
    assert explanation.images.dtype == body
    torch.testing.assert_close(explanation.score, scores_of(model, images), rtol=0, atol=0)


@pytest.mark.parametrize(("body", "given"), [(HALF, SINGLE), (SINGLE, DOUBLE), (DOUBLE, SINGLE)])
@pytest.mark.parametrize("scale", [None, torch.float8_e4m3fn])
def test_images_in_a_dtype_that_the_model_lacks_are_cast(
    body: torch.dtype, given: torch.dtype, scale: torch.dtype | None
) -> None:
    model, images = Body(body, scale or body).eval(), pictures(given)
    explanation = camkit.explain(model, images, target=1)
    torch.testing.assert_close(explanation.score, scores_of(model, images.to(body)))


@pytest.mark.parametrize(
    ("model", "given", "reads"),
    [
        (NormsKept(), SINGLE, HALF),
        (NormsKept(), HALF, HALF),
        (Body(SINGLE, DOUBLE), DOUBLE, SINGLE),
        (Body(SINGLE, HALF), HALF, SINGLE),
    ],
)
def test_a_dtype_of_some_norm_alone_is_not_the_images(
    model: nn.Module, given: torch.dtype, reads: torch.dtype
) -> None:
    images = pictures(given)
    explanation = camkit.explain(model.eval(), images, target=1)
    expected = scores_of(model, images.to(reads)).float()
    torch.testing.assert_close(explanation.score.float(), expected)
    assert str(camkit.layers(model, images, target=1))


def test_a_model_that_casts_itself_gets_the_images_as_they_are() -> None:
    model, images = FromSingle().eval(), pictures(SINGLE) + 1000
    explanation = camkit.explain(model, images, target=1)
    torch.testing.assert_close(explanation.score, scores_of(model, images), rtol=0, atol=0)
