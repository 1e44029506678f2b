"""Subclasses of Tensor, as images, companions, in the model or as its output: plain results."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import linear, relu

import camkit_core as camkit

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
METHODS = ("gradcam", "ablationcam", "scorecam", "reciprocam", "kpcacam", "fullgrad", "refinecam")


class Marked(Tensor):
    """All that is computed of it is marked, and it cannot make new tensors."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is Tensor.new_empty:
            raise TypeError("no new tensors")
        return super().__torch_function__(func, types, args, kwargs or {})


def marked(tensor: Tensor) -> Tensor:
    tensor = tensor.as_subclass(Marked)
    tensor.origin = "scanner"  # type: ignore[attr-defined]
    return tensor


class Scanned(nn.Module):
    """Marks what it is given, its features, or its output."""

    def __init__(self, place: str = "") -> None:
        super().__init__()
        torch.manual_seed(0)
        self.place = place
        self.conv, self.mark, self.head = nn.Conv2d(3, 4, 3), Mark(place), nn.Linear(4, 5)

    def forward(self, images: Tensor, mask: Tensor) -> Tensor:
        images = marked(images) if self.place == "start" else images
        features = relu(self.mark(self.conv(images))) * mask
        scores = self.head(features.sigmoid().flatten(2).amax(2))
        return marked(scores) if self.place == "end" else scores


class Mark(nn.Module):
    """The same values, marked or not; reads the mark in later calls, as metadata are read."""

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place, self.mix = place, nn.Conv2d(4, 4, 1)

    def forward(self, features: Tensor) -> Tensor:
        mixed = self.mix(features)
        return marked(mixed) if self.place == "middle" else mixed


def explained(model: nn.Module, images: Tensor, mask: Tensor, method: str) -> camkit.Explanation:
    return camkit.explain(model.eval(), (images, mask), method, 1, "mark", image_input=0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("place", ["images", "mask", "start", "middle", "end"])
def test_a_subclass_changes_no_map_and_is_no_result(place: str, method: str) -> None:
    images = torch.randn(2, 3, 8, 8, generator=torch.manual_seed(1))
    mask = torch.rand(2, 1, 6, 6, generator=torch.manual_seed(2))
    expected = explained(Scanned(), images, mask, method)
    given = marked(images.clone()) if place == "images" else images
    beside = marked(mask.clone()) if place == "mask" else mask
    explanation = explained(Scanned(place), given, beside, method)
    torch.testing.assert_close(explanation.cam, expected.cam, rtol=0, atol=0)
    for name in ("cam", "score", "logits", "heatmap", "images", "target"):
        assert type(getattr(explanation, name)) is Tensor, name


def test_what_a_layer_hands_on_is_still_its_subclass() -> None:
    class Reading(Scanned):
        def forward(self, images: Tensor) -> Tensor:
            features = self.mark(self.conv(images))
            assert features.origin == "scanner"
            return self.head(features.relu().mean((2, 3)))

    images = torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        expected = Reading("middle").eval()(images)[:, 1].as_subclass(Tensor)
    explanation = camkit.explain(Reading("middle"), images, "ablationcam", 1, "mark")
    torch.testing.assert_close(explanation.score, expected)


class Few(Tensor):
    """A weight of few bits, which knows the calls of a layer alone."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (Tensor.any, Tensor.__getitem__, Tensor.reshape):
            raise NotImplementedError("unknown to few bits")
        if func is linear:
            return linear(args[0], args[1].as_subclass(Tensor), *args[2:])
        return super().__torch_function__(func, types, args, kwargs or {})


def test_a_weight_of_few_bits_is_asked_for_its_layer_alone() -> None:
    layers = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 4)
    model, images = nn.Sequential(*layers).eval(), torch.randn(2, 3, 8, 8)
    expected = camkit.explain(model, images, "ablationcam", 1, "0").cam
    layers[-1].weight = nn.Parameter(layers[-1].weight.detach().as_subclass(Few))
    e = camkit.explain(model, images, "ablationcam", 1, "0")
    torch.testing.assert_close(e.cam, expected)
