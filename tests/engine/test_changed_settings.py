"""What was found out about a model is found anew where its settings or its code have changed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from types import MethodType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit

X = torch.rand(5, 3, 12, 12, generator=torch.Generator().manual_seed(0))


class Staged(nn.Module):
    """Has a stage that its settings leave out, and may read its images in the order of memory."""

    by_memory = False

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(6, 6, 3, padding=1), nn.ReLU())
        self.head = nn.Linear(6, 5)
        self.stages, self.config = {"second": True}, SimpleNamespace(inner=SimpleNamespace(skip=0))

    def forward(self, images: Tensor) -> Tensor:
        if self.by_memory:
            images = images.as_strided(images.shape, (432, 144, 12, 1))
        features = self.first(images)
        if self.stages["second"] and not self.config.inner.skip:
            features = self.second(features)
        return self.head(features.mean((2, 3)))


def first_alone(self: Staged, images: Tensor) -> Tensor:
    return self.head(self.first(images).mean((2, 3)))


CHANGES: dict[str, Callable[[Any], Any]] = {
    "a dict": lambda model: model.stages.update(second=False),
    "a configuration in another one": lambda model: setattr(model.config.inner, "skip", 1),
    "the code of the model": lambda model: setattr(
        model, "forward", MethodType(first_alone, model)
    ),
    "the code of the class": lambda model: setattr(type(model), "forward", first_alone),
    "an attribute": lambda model: setattr(model, "by_memory", True),
    "an attribute of the class": lambda model: setattr(type(model), "by_memory", True),
}


@pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
@pytest.mark.parametrize("change", CHANGES)
def test_other_settings_are_seen(change: str) -> None:
    own = type("Own", (Staged,), {})
    model = own().eval()
    explainer = camkit.prepare(model, X, target=1)
    CHANGES[change](model)
    fresh = camkit.explain(copy.deepcopy(model), X, target=1)
    for given in (camkit.explain(model, X, target=1), explainer(X)):
        assert given.layer == fresh.layer
        assert torch.equal(given.cam, fresh.cam)
