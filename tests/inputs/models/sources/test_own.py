"""A factory of the user's own: what it states beside the model, and what the model carries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from torch import nn
from torchvision import transforms
from transformers import AutoImageProcessor, ViTForImageClassification

import camkit_core as camkit
from camkit_core import load_model
from camkit_core.errors import CamkitError, InputError, InputTypeError
from camkit_core.inputs.models.preprocessing import UNSTATED
from helpers.hub_folders import classifier

PICTURE = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
FLAT = np.full((50, 50, 3), (200, 100, 30), np.uint8)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes `own_states:make` a factory that returns what is given."""
    import types

    module = types.ModuleType("own_states")
    monkeypatch.setitem(__import__("sys").modules, "own_states", module)

    def returning(*made: Any) -> str:
        vars(module)["make"] = lambda: made if len(made) > 1 else made[0]
        return "own_states:make"

    return returning


def net() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())


class Wrapper(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model


# What the model carries


@pytest.mark.parametrize("wrap", [lambda model: model, Wrapper])
def test_a_model_of_timm_is_given_pictures_as_its_settings_say(own: Any, wrap: Any) -> None:
    loaded = load_model(own(wrap(timm.create_model("test_vit"))))
    by_name = load_model("timm:test_vit", "none")
    assert torch.equal(loaded.preprocess(PICTURE), by_name.preprocess(PICTURE))
    assert loaded.prepared == by_name.prepared


def test_a_model_of_transformers_has_the_processor_beside_its_weights(
    own: Any, tmp_path: Path
) -> None:
    folder = classifier(tmp_path)
    loaded = load_model(own(ViTForImageClassification.from_pretrained(folder)))
    assert torch.equal(loaded.preprocess(PICTURE), load_model(f"hf:{folder}").preprocess(PICTURE))
    assert loaded.task == "classification"


def test_a_model_of_ultralytics_is_given_letterboxed_pictures(own: Any, tmp_path: Path) -> None:
    from ultralytics.nn.tasks import DetectionModel

    rows = "backbone:\n  - [-1, 1, Conv, [8, 3, 2]]\nhead:\n  - [[0], 1, Detect, [nc]]\n"
    (tmp_path / "tiny.yaml").write_text(f"nc: 3\n{rows}")
    loaded = load_model(own(DetectionModel(str(tmp_path / "tiny.yaml"), verbose=False)))
    assert loaded.prepared["resize"] == "letterbox, grey 114 to multiples of 32"
    assert loaded.task == "detection"


def test_a_wrapper_that_may_prepare_pictures_itself_is_given_the_usual_ones(own: Any) -> None:
    wrapper = Wrapper(timm.create_model("test_vit"))
    assert camkit.preprocessing_in(wrapper) is not None
    wrapper.normalise = nn.Identity()
    assert camkit.preprocessing_in(wrapper) is None
    assert load_model(own(wrapper)).prepared["resize"] == UNSTATED


def test_a_model_that_carries_none_has_the_usual_one(own: Any) -> None:
    loaded = load_model(own(net()))
    assert loaded.prepared["resize"] == UNSTATED
    assert loaded.preprocess(PICTURE).shape == (3, 224, 224)


# What the factory states


COMPOSED = transforms.Compose(
    [
        transforms.Resize((32, 40)),
        transforms.ToTensor(),
        transforms.Normalize((0.4, 0.5, 0.6), (0.2, 0.3, 0.4)),
    ]
)


def test_a_transform_is_used_and_its_colours_are_undone(own: Any) -> None:
    loaded = load_model(own(timm.create_model("test_vit"), COMPOSED))
    assert loaded.preprocess(FLAT).shape == (3, 32, 40)
    assert loaded.picture(loaded.preprocess(FLAT))[5, 5].tolist() == [200, 100, 30]
    assert loaded.prepared["mean"] == pytest.approx([0.4, 0.5, 0.6])
    assert load_model("own_states:make", size=[16]).preprocess(FLAT).shape == (3, 16, 16)


def test_a_function_without_known_colours_gives_a_picture_all_the_same(own: Any) -> None:
    loaded = load_model(own(net(), lambda image: transforms.ToTensor()(image)[None] * 4 - 2))
    seen = loaded.picture(loaded.preprocess(PICTURE))
    assert (seen.min(), seen.max()) == (0, 255)


def test_an_image_processor_and_a_preprocessing_are_taken(own: Any, tmp_path: Path) -> None:
    folder = classifier(tmp_path)
    loaded = load_model(own(net(), AutoImageProcessor.from_pretrained(folder)))
    assert loaded.prepared == load_model(f"hf:{folder}").prepared
    stated = camkit.Preprocessing((8, 12), (0.5,) * 3, (0.5,) * 3)
    assert load_model(own(net(), stated)).preprocess(FLAT).shape == (3, 8, 12)


def test_names_are_taken_and_preprocessing_may_be_left_to_the_model(own: Any) -> None:
    loaded = load_model(own(timm.create_model("test_vit"), None, ["ant", "bee"]))
    assert loaded.class_names == ("ant", "bee")
    assert loaded.preprocess(PICTURE).shape == (3, 160, 160)


@pytest.mark.parametrize(
    ("stated", "kind", "said"),
    [
        ((3,), InputTypeError, "returned int as preprocessing; expected a function from a PIL"),
        ((lambda image: 5,), InputTypeError, r"made int .* expected a floating-point tensor"),
        ((lambda image: 1 / 0,), InputError, "failed on a PIL image .ZeroDivisionError"),
        ((None, 5), CamkitError, "expected class names as a list of texts"),
        ((None, None, None), InputTypeError, r"returned \(Sequential, NoneType, NoneType, None"),
    ],
)
def test_what_it_may_not_state_is_refused(own: Any, stated: Any, kind: Any, said: str) -> None:
    with pytest.raises(kind, match=said):
        load_model(own(net(), *stated))
