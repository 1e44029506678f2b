"""Names of classes that a model carries: read where they are surely its own, and used."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn
from transformers import ResNetConfig, ResNetForImageClassification

import camkit_core as camkit
from camkit_core.inputs.models.class_names import names_in

PETS = ("cat", "dog", "pug")


def with_attributes(classes: int = 3, **attributes: Any) -> nn.Module:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model.append(nn.Linear(4, classes))
    vars(model).update(attributes)
    return model.eval()


def huggingface(names: dict[Any, str] | None = None, classes: int = 3) -> nn.Module:
    """A small classifier of transformers, with its default names unless others are given."""
    sizes: dict[str, Any] = {"embedding_size": 4, "hidden_sizes": [4], "depths": [1]}
    named = {"id2label": names} if names else {"num_labels": classes}
    return ResNetForImageClassification(ResNetConfig(**sizes, **named)).eval()


class Wrapper(nn.Module):
    """What users write around a model: its logits alone, of images made ready."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.ready = nn.Identity()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        output = self.model(self.ready(images))
        return output if isinstance(output, Tensor) else output.logits


BY_INDEX = dict(enumerate(PETS))
CARRY: dict[str, Callable[[], nn.Module]] = {
    "transformers": lambda: huggingface(BY_INDEX),
    "in a wrapper": lambda: Wrapper(Wrapper(huggingface(BY_INDEX))),
    "in DataParallel": lambda: nn.DataParallel(huggingface(BY_INDEX)),
    "in any order": lambda: huggingface({2: "pug", 0: "cat", 1: "dog"}),
    "class_names": lambda: with_attributes(class_names=list(PETS)),
    "ultralytics": lambda: with_attributes(names=BY_INDEX, yaml={"nc": 3}),
    "YOLOv5": lambda: with_attributes(names=list(PETS), yaml={"nc": 3}),
    "timm": lambda: with_attributes(pretrained_cfg={"label_names": PETS}),
    "timm, described": lambda: with_attributes(
        pretrained_cfg=SimpleNamespace(
            label_names=["n1", "n2", "pug"], label_descriptions={"n1": "cat", "n2": "dog"}
        )
    ),
}


@pytest.mark.parametrize("make", CARRY.values(), ids=CARRY)
def test_an_explanation_has_the_names_that_the_model_carries(make: Callable[[], nn.Module]) -> None:
    explained = camkit.explain(make(), torch.rand(1, 3, 32, 32), target=1)
    assert explained.class_names == PETS
    assert explained.describe().startswith("dog ")
    assert explained.summary()["class"] == "dog"


CARRY_NONE: dict[str, Callable[[], nn.Module]] = {
    "a plain model": with_attributes,
    "transformers' placeholders": huggingface,
    "ultralytics' placeholders": lambda: with_attributes(
        names={0: "0", 1: "1", 2: "2"}, yaml={"nc": 3}
    ),
    "names of something else": lambda: with_attributes(names=list(PETS)),
    "names with a gap": lambda: with_attributes(class_names={0: "cat", 2: "dog", 3: "pug"}),
    "names that are no texts": lambda: with_attributes(class_names=[1, 2, 3]),
    "none at all": lambda: with_attributes(class_names=[]),
    "another number of them": lambda: with_attributes(class_names=["cat", "dog"]),
    "one for one logit": lambda: with_attributes(1, class_names=["cat"]),
    "timm, perhaps untrained": lambda: timm.create_model("test_resnet").eval(),
    "a part with a head of its own": lambda: nn.Sequential(
        Wrapper(huggingface(BY_INDEX)), nn.Linear(3, 3)
    ),
}


@pytest.mark.parametrize("make", CARRY_NONE.values(), ids=CARRY_NONE)
def test_without_names_that_are_surely_its_own_there_are_none(
    make: Callable[[], nn.Module],
) -> None:
    explained = camkit.explain(make(), torch.rand(1, 3, 64, 64), "eigencam", 0)
    assert explained.class_names is None
    assert explained.describe().startswith("class 0 ")


def test_names_of_texts_by_number_are_read() -> None:
    assert names_in(with_attributes(class_names={"1": "dog", "0": "cat", "2": "pug"})) == PETS


class Failing:
    """A configuration whose items cannot be read."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


def test_a_configuration_that_fails_has_none() -> None:
    assert names_in(with_attributes(config=Failing())) is None
