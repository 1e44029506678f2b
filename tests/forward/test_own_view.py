"""What other threads find of a model, and write to it, while this one explains it."""

from __future__ import annotations

import copy
import threading
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.errors import CamkitError
from camkit_core.forward.own_view import OwnView
from helpers.at_once import at_once
from helpers.small_cnn import Small, pictures


class Counting(Small):
    """Counts its runs in buffers: in place, past torch's count of writes, and by another tensor."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("in_place", "unseen", "replaced"):
            self.register_buffer(name, torch.zeros(1))

    def forward(self, images: Tensor) -> Any:
        self.in_place += 1
        self.unseen.data += 1
        self.replaced = self.replaced + 1
        return super().forward(images)

    def counts(self) -> list[float]:
        return [float(self.in_place), float(self.unseen), float(self.replaced)]


def test_what_predictions_write_to_buffers_meanwhile_stays() -> None:
    model, images = Counting().double().eval(), pictures()
    predictions: list[Any] = []

    def target(output: Tensor) -> Tensor:
        predictions.extend(at_once([lambda: model(images)]))
        return output[1]

    for method in ("gradcam", "scorecam", "gradcam"):
        camkit.explain(model, images, method, target, "body")
        assert predictions
        assert model.counts() == [len(predictions)] * 3
        assert type(model._buffers) is dict


def test_what_an_explanation_writes_to_buffers_is_forgotten() -> None:
    model, images = Counting().double().eval(), pictures()
    tensors = dict(model.named_buffers())
    for _ in range(3):
        camkit.explain(model, images, "scorecam", 1, "body")
    assert model.counts() == [0, 0, 0]
    assert all(value is tensors[name] for name, value in model.named_buffers())


class Reporting(Small):
    """Counts in a buffer once it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("runs", torch.zeros(1))
        self.counts = False

    def forward(self, images: Tensor) -> Any:
        if self.counts:
            self.runs += 1
        return super().forward(images)


def test_a_model_that_begins_to_write_later_is_put_back_too() -> None:
    model, images = Reporting().double().eval(), pictures()
    camkit.explain(model, images, "gradcam", 1, "body")
    model.counts = True
    for _ in range(2):
        camkit.explain(model, images, "gradcam", 1, "body")
        assert float(model.runs) == 0


def test_weights_that_another_thread_loads_meanwhile_are_refused_and_kept() -> None:
    model, images = nn.Sequential(Small(), nn.Identity()), pictures()
    model[0].stem.append(nn.BatchNorm2d(4))
    model.double().eval()
    new = {key: torch.full_like(value, 2) for key, value in model.state_dict().items()}

    def target(output: Tensor) -> Tensor:
        at_once([lambda: model.load_state_dict(new)])
        return output[1]

    done = threading.Event()
    server = threading.Thread(target=done.wait, args=(60,))  # as the one that loads them would be
    server.start()
    with pytest.raises(CamkitError, match="weights of Sequential were written to while it was"):
        camkit.explain(model, images, target=target, layer="0.body")
    done.set()
    server.join()
    assert all(bool((value == 2).all()) for value in model.state_dict().values())
    assert not any(module.training for module in model.modules())


def test_each_thread_has_its_own_table() -> None:
    view = OwnView(real := {"a": 1}, {"a": 2, "b": 3})

    def write() -> Any:
        view["a"] += 10
        return dict(view.items()), list(view), len(view), view.get("b"), copy.deepcopy(view)

    assert at_once([write]) == [({"a": 11}, ["a"], 1, None, {"a": 11})]
    assert write() == ({"a": 12, "b": 3}, ["a", "b"], 2, 3, {"a": 12, "b": 3})
    assert real == {"a": 11}
    assert type(copy.deepcopy(view)) is dict
