"""Compiled parts of a model are explained as the plain model is, and stay compiled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from helpers.at_once import at_once
from helpers.small_cnn import FIVE, Small, close, pictures
from helpers.small_nets import _resnet


def _in_place(model: Any) -> None:
    model.compile(backend="eager")


def _a_part_in_place(model: Any) -> None:
    model.body.compile(backend="eager")


def _a_part(model: Any) -> None:
    model.body = torch.compile(model.body, backend="eager")


def _a_method(model: Any) -> None:
    model.forward = torch.compile(model.forward, backend="eager")


@pytest.mark.parametrize("compiled", [_in_place, _a_part_in_place, _a_part, _a_method])
@pytest.mark.parametrize("ran", [False, True])
def test_maps_are_those_of_the_plain_model(compiled: Callable[..., None], ran: bool) -> None:
    images, plain, model = pictures(), Small().double().eval(), Small().double().eval()
    model.load_state_dict(plain.state_dict())
    compiled(model)
    if ran:
        model(images)
    parts = dict(model.named_modules())
    for method in FIVE:
        expected = camkit.explain(plain, images, method, 1, "body")
        explanation = camkit.explain(model, images, method, 1, "body")
        assert explanation.layer == "body"
        assert close(explanation.cam, expected.cam)
    assert dict(model.named_modules()) == parts


def test_an_adapter_finds_its_layer_behind_a_compiled_part() -> None:
    model, images = _resnet().eval(), torch.randn(2, 3, 64, 64)
    expected = camkit.explain(model, images, target=1)
    model.layer4 = torch.compile(model.layer4, backend="eager")
    explanation = camkit.explain(model, images, target=1)
    assert explanation.layer == expected.layer
    assert close(explanation.cam, expected.cam)


@pytest.mark.parametrize("layer", ["body._orig_mod.0", "body.0", "the module"])
def test_a_layer_inside_a_compiled_part_has_three_names(layer: str) -> None:
    model, images = Small().double().eval(), pictures()
    expected = camkit.explain(model, images, target=1, layer="body.0").cam
    _a_part(model)
    named: str | nn.Module = model.body._orig_mod[0] if layer == "the module" else layer
    assert close(camkit.explain(model, images, target=1, layer=named).cam, expected)


def test_the_compiled_part_itself_can_be_the_layer() -> None:
    model, images = Small().double().eval(), pictures()
    expected = camkit.explain(model, images, target=1, layer="body").cam
    _a_part(model)
    assert close(camkit.explain(model, images, target=1, layer=model.body).cam, expected)


def _counted(graph: Any, _: Any) -> Callable[..., Any]:
    """A backend that notes which thread runs what it compiled."""

    def run(*args: Any) -> Any:
        RUNS.append(threading.current_thread())
        return graph(*args)

    return run


RUNS: list[threading.Thread] = []
WAYS: list[Callable[[Any], None]] = [
    lambda model: model.compile(backend=_counted),
    lambda model: setattr(model, "body", torch.compile(model.body, backend=_counted)),
    lambda model: setattr(model, "forward", torch.compile(model.forward, backend=_counted)),
]


@pytest.mark.parametrize("compile_it", WAYS)
def test_another_thread_predicts_by_compiled_code_meanwhile(
    compile_it: Callable[[Any], None],
) -> None:
    model, images = Small().double().eval(), pictures()
    compile_it(model)
    expected = model(images)
    RUNS.clear()
    predictions: list[Any] = []

    def target(output: Tensor) -> Tensor:
        predictions.extend(at_once([lambda: model(images)]))
        return output[1]

    camkit.explain(model, images, target=target, layer="body")
    assert predictions
    assert all(torch.equal(each, expected) for each in predictions)
    assert len(RUNS) >= len(predictions)
    assert threading.current_thread() not in RUNS
    model(images)
    assert threading.current_thread() in RUNS
