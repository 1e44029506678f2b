"""Compiled explainers notice that a model has changed, and leave alone what has not."""

from __future__ import annotations

import random
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import nn

from camkit_core.forward.compiled.first_values import FirstValues
from camkit_core.testing.networks import conv_net
from helpers.uncompiled import X, close, explained, prepared


def _weights(model: Any) -> None:
    with torch.no_grad():
        model.stem[0].weight.mul_(2)


def _uncounted(model: Any) -> None:
    model.stem[0].weight.data.mul_(2)


def _data(model: Any) -> None:
    model.stem[0].weight.data = model.stem[0].weight.data * 2


def _statistics(model: Any) -> None:
    model.stem[1].running_mean += 1


def _parameter(model: Any) -> None:
    model.stem[0].weight = nn.Parameter(model.stem[0].weight.detach() * 2)


def _surgery(model: Any) -> None:
    model.stem[0] = deepcopy(model.stem[0])
    _weights(model)


def _training(model: Any) -> None:
    model.train()
    _weights(model)


CHANGES = [_weights, _uncounted, _data, _statistics, _parameter, _surgery, _training]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_model_is_compiled_anew(
    uncompiled: list[Any], change: Callable[[Any], None]
) -> None:
    model = conv_net()
    explainer = prepared(model)
    before = explainer(X).cam
    change(model)
    e = explainer(X)
    assert not torch.equal(e.cam, before)
    assert "ran compiled" in e.notes[-1]
    close(e.cam, explained(model).cam)


def test_what_did_not_change_is_compiled_once(uncompiled: list[Any]) -> None:
    model = conv_net()
    explainer = prepared(model)
    model.train()
    random.random()
    assert "ran compiled" in explainer(X).notes[-1]
    assert len(uncompiled) == 1


@pytest.mark.parametrize(
    "tensors",
    [
        [],
        [torch.empty(0)],
        [torch.tensor(1.0), torch.ones(2, 3, dtype=torch.float64), torch.tensor([True])],
        [torch.full((3,), float("nan")), torch.arange(4)[1:], torch.ones(3, dtype=torch.bfloat16)],
    ],
)
def test_first_values_are_told_whatever_their_kind(tensors: list[torch.Tensor]) -> None:
    values = FirstValues(tensors)
    assert values.same()
    for tensor in tensors:
        if tensor.numel():
            before = tensor.clone()
            tensor.data.view(-1)[:1] = 0
            assert not values.same()
            tensor.data.copy_(before)
            assert values.same()
