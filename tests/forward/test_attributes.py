"""What a model keeps on itself is put back: attributes, containers, states, caches."""

from __future__ import annotations

import copy
from collections import defaultdict, deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

import camkit_core as camkit
from camkit_core.inputs import writes
from helpers.small_cnn import Small, close, pictures

METHODS = ["gradcam", "scorecam", "ablationcam", "guided_backprop"]


class Keeping(Small):
    """Does something with itself whenever it runs."""

    def __init__(self, keep: Callable[[Keeping, Tensor], Any]) -> None:
        super().__init__()
        self.keep, self.calls, self.seen, self.names = keep, 0, [], {"kept": [1]}
        self.groups, self.window, self.sizes = defaultdict(list), deque(maxlen=2), set()
        self.state, self.last = torch.ones(6, dtype=torch.float64), None
        self.pair = (torch.zeros(1, dtype=torch.float64), [])
        self.config = SimpleNamespace(runs=0, parts={"inner": SimpleNamespace(runs=[0])})
        self.counts, self.draws = np.zeros(2), np.random.default_rng(0)

    def forward(self, images: Tensor) -> Any:
        features = self.body(self.stem(images))
        self.keep(self, features)
        return self.wrap(self.head(features))


def _replaces(model: Keeping, features: Tensor) -> None:
    model.last = features
    model.body[0].last = features.sum()
    model.names = {}
    model.calls += 1
    model.late = model.calls
    if hasattr(model, "pair"):
        del model.pair


def _fills_containers(model: Keeping, features: Tensor) -> None:
    model.seen.append(features)
    model.names["last"] = features
    model.names["kept"].append(2)
    model.groups[len(model.seen)].append(features)
    model.window.append(features)
    model.sizes.add(len(features) * (len(model.sizes) + 1))
    model.pair[1].append(features)


def _writes_in_place(model: Keeping, features: Tensor) -> None:
    model.state.mul_(0.5).add_(features.detach().mean((0, 2, 3)))
    model.pair[0].add_(1)


def _writes_uncounted(model: Keeping, features: Tensor) -> None:
    model.state.data.mul_(0.5)
    model.counts += 1


def _sets_configurations(model: Keeping, features: Tensor) -> None:
    model.config.runs += 1
    model.config.last = features
    model.config.parts["inner"].runs.append(1)


def _draws(model: Keeping, features: Tensor) -> None:
    model.draws.random()


def _builds(model: Keeping, features: Tensor) -> None:
    model.add_module(f"late{len(model._modules)}", nn.ReLU())
    model.head[2].bias = nn.Parameter(model.head[2].bias.detach() + 1)


KEEPS = [
    _replaces,
    _fills_containers,
    _writes_in_place,
    _writes_uncounted,
    _sets_configurations,
    _draws,
    _builds,
]


def described(value: Any) -> Any:
    """Structure and values, with the identity of each tensor."""
    if isinstance(value, Tensor):
        return id(value), value.tolist(), value.requires_grad
    if isinstance(value, dict):
        return {key: described(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.random.Generator):
        return value.bit_generator.state
    if isinstance(value, SimpleNamespace):
        return described(vars(value))
    if isinstance(value, (list, tuple, deque)):
        return [described(item) for item in value]
    return value


def attributes(model: nn.Module) -> list[Any]:
    return [
        {name: described(value) for name, value in vars(module).items() if name != "_buffers"}
        for module in model.modules()
    ]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other thread may be loading weights; where one may, parts stay as the run left them."""
    monkeypatch.setattr(writes, "_other_threads", lambda: False)


@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("ran", [False, True])
def test_what_a_model_keeps_is_put_back(
    keep: Callable[[Keeping, Tensor], Any], method: str, ran: bool
) -> None:
    model, images = Keeping(keep).double().eval(), pictures()
    if ran:
        with torch.no_grad():
            model(images)
    before = attributes(model)
    camkit.explain(model, images, method, 1, "body")
    assert attributes(model) == before
    copy.deepcopy(model)


@pytest.mark.parametrize("keep", KEEPS)
def test_it_is_put_back_after_an_error(keep: Callable[[Keeping, Tensor], Any]) -> None:
    model, images = Keeping(keep).double().eval(), pictures()
    before = attributes(model)
    with pytest.raises(camkit.TargetError):
        camkit.explain(model, images, target=99, layer="body")
    assert attributes(model) == before


@pytest.mark.parametrize("method", ["gradcam", "scorecam"])
def test_what_ran_before_leaves_no_trace_in_the_pass_that_is_explained(method: str) -> None:
    model, images = Noisy().double().eval(), pictures()
    torch.manual_seed(1)
    first, second = (camkit.explain(model, images, method, 1) for _ in range(2))
    with torch.no_grad():
        scores = model(images)[:, 1]
    assert torch.equal(first.score, scores)
    assert torch.equal(first.cam, second.cam)


class Noisy(Small):
    """Drops channels in evaluation mode, too, and counts its runs."""

    runs = 0

    def forward(self, images: Tensor) -> Any:
        self.runs += 1
        features = self.body(self.stem(nn.functional.dropout(images, 0.5)))
        return self.head(features) * self.runs


class Streaming(Small):
    """Its answer depends on the images before."""

    state: Tensor | None = None

    def forward(self, images: Tensor) -> Any:
        features = self.body(self.stem(images))
        state = features if self.state is None else 0.5 * self.state + features
        self.state = state
        return self.wrap(self.head(state))


def test_the_next_prediction_of_a_streaming_model_is_as_without_the_explanation() -> None:
    torch.manual_seed(0)
    model, images = Streaming().double().eval(), pictures()
    with torch.no_grad():
        model(images)
        other = copy.deepcopy(model)
        camkit.explain(model, pictures(), target=1, layer="body")
        assert close(model(images), other(images), 0)


def test_weights_cached_for_training_keep_their_graph() -> None:
    model, images = Small().double(), pictures()
    parametrizations.weight_norm(model.stem[0])
    with parametrize.cached():
        camkit.explain(model, images, target=1, layer="body")
        model(images).sum().backward()
    weight = model.stem[0].parametrizations.weight
    assert weight.original0.grad is not None
    assert bool(weight.original1.grad.any())
