"""What a target may state of itself."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.inputs.targets.resolve import resolve
from helpers.toys import pictures

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")


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
