"""A model, or the process, that changed between two calls is explained as a new one would be."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

import camkit_core as camkit

X = torch.randn(2, 3, 12, 12, generator=torch.Generator().manual_seed(0))
Change = Callable[[Any], Any]


class Network(nn.Module):
    """Convolutions, norms, a linear layer, and attributes of all kinds that its code reads."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.body = nn.Sequential(nn.Conv2d(4, 6, 3, stride=2), nn.BatchNorm2d(6), nn.ReLU())
        self.side = nn.Linear(6, 6)
        self.head = nn.Linear(6, 5)
        self.register_buffer("shift", torch.ones(6, 1, 1))
        self.factor, self.steps, self.config = 1.0, [1.0, 2.0], SimpleNamespace(power=1)

    def forward(self, images: Tensor) -> Tensor:
        features = self.body(self.stem(images * self.factor)) + self.shift
        pooled = features.mean((2, 3)) ** self.config.power
        return self.head(pooled + self.side(pooled) * self.steps[-1])


class Doubled(Network):
    """The same, with other code."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images * 2) * 3


class Twice(nn.Module):
    """A parametrization."""

    def forward(self, weight: Tensor) -> Tensor:
        return weight * 2 + 0.1


def network() -> Network:
    torch.manual_seed(0)
    model = Network().eval()
    with torch.no_grad():
        for norm in (model.stem[1], model.body[1]):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
    return model


def assigned(model: Network) -> None:
    state = {name: tensor + 0.1 for name, tensor in model.state_dict().items()}
    model.load_state_dict(state, assign=True)


def merged(model: Network) -> None:
    """As a low-rank adapter is merged: its product added, its module gone."""
    model.head.weight.data += model.side.weight[:5] * 0.5
    model.side = nn.Identity()


def set_to(path: str, value: Callable[[], Any]) -> Change:
    *parents, name = path.split(".")
    return lambda model: setattr(model.get_submodule(".".join(parents)), name, value())


def halved(module: nn.Module, args: Any, output: Tensor) -> Tensor:
    return output / 2 + 0.1


CHANGES: dict[str, Change] = {
    "nothing": lambda model: None,
    "a weight in place": lambda model: model.body[0].weight.mul_(-1),
    "a weight's data": lambda model: setattr(model.body[0].weight, "data", torch.ones(6, 4, 3, 3)),
    "a weight's values, uncounted": lambda model: model.body[0].weight.data.mul_(-2),
    "a new parameter": set_to("body.0.weight", lambda: nn.Parameter(torch.ones(6, 4, 3, 3))),
    "all parameters": assigned,
    "a parameter frozen": lambda model: model.stem[0].weight.requires_grad_(False),
    "a module replaced": lambda model: model.body.__setitem__(2, nn.Sigmoid()),
    "a module added": lambda model: model.body.append(nn.Tanh()),
    "a module removed": lambda model: model.body.__delitem__(2),
    "forward patched": lambda model: setattr(model.body[2], "forward", torch.sigmoid),
    "a hook": lambda model: model.body[1].register_forward_hook(halved),
    "a hook on the layer": lambda model: model.body.register_forward_hook(halved),
    "a hook before": lambda model: model.body[1].register_forward_pre_hook(lambda _, x: x[0] * 3),
    "one child in training": lambda model: model.stem.train(),
    "all in training": lambda model: model.train(),
    "a parametrization": lambda model: parametrize.register_parametrization(
        model.body[0], "weight", Twice()
    ),
    "a weight norm": lambda model: parametrizations.weight_norm(model.body[0]),
    "statistics in place": lambda model: model.body[1].running_var.mul_(4),
    "a buffer in place": lambda model: model.shift.mul_(-3),
    "a buffer, uncounted": lambda model: model.shift.data.mul_(-3),
    "a new buffer": set_to("shift", lambda: torch.zeros(6, 1, 1)),
    "statistics gone": lambda model: (
        vars(model.body[1])["_buffers"].update(running_mean=None)
        or vars(model.body[1])["_buffers"].update(running_var=None)
    ),
    "an attribute": set_to("factor", lambda: 3.0),
    "a list": lambda model: model.steps.append(5.0),
    "a configuration": lambda model: setattr(model.config, "power", 2),
    "another dtype": lambda model: model.double(),
    "the dtype of one layer": lambda model: model.head.register_forward_pre_hook(
        lambda module, x: module.double() and x[0].double()
    ),
    "the memory format": lambda model: model.to(memory_format=torch.channels_last),
    "a merged adapter": merged,
    "another class": lambda model: setattr(model, "__class__", Doubled),
    "another class of a layer": lambda model: setattr(model.body[2], "__class__", nn.Sigmoid),
    "compiled in place": lambda model: model.compile(backend="eager"),
    "a compiled part": set_to("side", lambda: torch.compile(nn.Linear(6, 6), backend="eager")),
}


def same(given: camkit.Explanation, expected: camkit.Explanation) -> None:
    assert torch.equal(given.cam, expected.cam)
    assert torch.equal(given.score, expected.score)
    assert (given.layer, given.notes) == (expected.layer, expected.notes)
    assert (given.reasons, given.provenance) == (expected.reasons, expected.provenance)


@pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_model_is_explained_as_its_copy_is(change: str) -> None:
    model = network()
    explainer = camkit.prepare(model, X)
    for _ in range(2):
        camkit.explain(model, X)
    with torch.no_grad():
        CHANGES[change](model)
    fresh = camkit.explain(copy.deepcopy(model), X)
    same(camkit.explain(model, X), fresh)
    same(explainer(X), fresh)
    same(explainer(X), fresh)


@pytest.mark.parametrize(
    "images", [X[:1], X.repeat(3, 1, 1, 1), torch.randn(2, 3, 20, 14), X.double(), X[0], X.half()]
)
def test_other_images_are_explained_as_without_a_preparation(images: Tensor) -> None:
    model = network()
    explainer = camkit.prepare(model, X)
    same(explainer(images), camkit.explain(network(), images))


@pytest.mark.parametrize(
    "inside",
    [
        lambda: torch.autocast("cpu", torch.bfloat16),
        torch.inference_mode,
        torch.no_grad,
        lambda: torch.random.fork_rng(devices=[]),
    ],
)
def test_a_mode_of_the_process_is_seen(inside: Callable[[], AbstractContextManager[Any]]) -> None:
    model, other = network(), network()
    explainer = camkit.prepare(model, X)
    for around in (inside, nullcontext):
        with around():
            same(explainer(X), camkit.explain(other, X))


def double() -> None:
    torch.set_default_dtype(torch.float64)


@pytest.mark.parametrize(
    "change", [double, lambda: torch.use_deterministic_algorithms(True), torch.enable_grad]
)
def test_a_setting_of_the_process_is_seen(change: Callable[[], Any]) -> None:
    model = network()
    other = copy.deepcopy(model)
    explainer = camkit.prepare(model, X)
    before = torch.get_default_dtype(), torch.are_deterministic_algorithms_enabled()
    try:
        change()
        same(explainer(X), camkit.explain(other, X))
    finally:
        torch.set_default_dtype(before[0])
        torch.use_deterministic_algorithms(before[1])


@pytest.mark.parametrize("method", ["rise", "randomcam", "smoothgradcam++"])
def test_random_numbers_are_the_same_whatever_the_default_dtype(method: str) -> None:
    expected = camkit.explain(network(), X, method, 1).cam
    model, before = network(), torch.get_default_dtype()
    try:
        double()
        given = camkit.explain(model, X, method, 1).cam
    finally:
        torch.set_default_dtype(before)
    assert torch.allclose(given, expected, rtol=1e-3, atol=1e-6)
