"""Torch's default device is the user's affair: camkit states the device of its own tensors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
import torchvision
from PIL import Image
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.image import preprocess_image

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
METHODS = (
    "gradcam ablationcam scorecam iscam sscam groupcam kpcacam randomcam smoothgradcam++ "
    "refinecam fullgrad guided_backprop"
)
METRICS = "insertion deletion road average_drop adcc sensitivity randomisation"


@contextmanager
def default_device(name: str) -> Iterator[None]:
    torch.set_default_device(name)
    try:
        yield
    finally:
        torch.set_default_device(None)


def network() -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU()
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)).eval()


def pictures(side: int = 12) -> Tensor:
    return torch.rand(2, 3, side, side, generator=torch.manual_seed(1))


@pytest.mark.parametrize("method", METHODS.split())
def test_maps_do_not_depend_on_the_default_device(method: str) -> None:
    model, images = network(), pictures()
    expected = camkit.explain(model, images, method, target=[1, 2])
    with default_device("meta"):
        explanation = camkit.explain(model, images, method, target=[1, 2])
    torch.testing.assert_close(explanation.cam, expected.cam, rtol=0, atol=0)


@pytest.mark.parametrize("method", ["attention_rollout", "chefer", "legrad"])
def test_maps_of_attention_do_not_either(method: str) -> None:
    torch.manual_seed(0)
    model = torchvision.models.VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=5).eval()
    images: Any = pictures(32)
    expected = camkit.explain(model, images, method, target=1)
    with default_device("meta"):
        explanation = camkit.explain(model, images, method, target=1)
    torch.testing.assert_close(explanation.cam, expected.cam, rtol=0, atol=0)


@pytest.mark.parametrize("metric", METRICS.split())
def test_metrics_do_not_either(metric: str) -> None:
    def table() -> str:
        judged = camkit.compare(network_, images, ["gradcam"], [1], metrics=[metric])
        return str(judged.verdict)

    network_, images = network(), pictures()
    expected = table()
    with default_device("meta"):
        assert table() == expected


def test_pictures_do_not_either() -> None:
    picture = Image.new("RGB", (8, 8), (10, 200, 90))
    expected = preprocess_image(picture)
    with default_device("meta"):
        assert torch.equal(preprocess_image(picture), expected)
