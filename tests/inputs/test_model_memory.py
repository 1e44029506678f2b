"""What is kept of a model is forgotten when a module or a setting of it changes, and only then."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from camkit_core.inputs.model_memory import ModelMemory


def network() -> nn.Sequential:
    shared = nn.ReLU()
    model = nn.Sequential(nn.Conv2d(3, 4, 3), shared, nn.Sequential(nn.Conv2d(4, 4, 3), shared))
    model.config = SimpleNamespace(parts={"inner": SimpleNamespace(flags=[])})
    model.itself = [model]
    return model


def _renamed(model: nn.Sequential) -> None:
    model._modules["last"] = model._modules.pop("2")


def _replaced_after_deletion(model: nn.Sequential) -> None:
    model[0] = None  # so that the new module may get the old one's place in memory
    model[0] = nn.Conv2d(3, 4, 3)


def _shared_otherwise(model: nn.Sequential) -> None:
    model[2][1] = model[0]


def _of_another_class(model: nn.Sequential) -> None:
    model[1].__class__ = nn.ReLU6


def _set_deep_inside(model: nn.Sequential) -> None:
    model.config.parts["inner"].flags.append(True)


CHANGES: list[Callable[[nn.Sequential], object]] = [
    _renamed,
    _replaced_after_deletion,
    _shared_otherwise,
    _of_another_class,
    lambda model: model.append(nn.AdaptiveAvgPool2d(1)),
    lambda model: model[2].append(nn.ReLU()),
    lambda model: model[2].pop(0),
    lambda model: nn.utils.parametrize.register_parametrization(model[0], "weight", nn.Identity()),
    lambda model: setattr(model[0], "stride", (2, 2)),
    lambda model: setattr(model, "forward", nn.Identity().forward),
    _set_deep_inside,
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_module_empties_the_memory(change: Callable[[nn.Sequential], object]) -> None:
    memory, model = ModelMemory[int](), network()
    memory.of(model)["layer"] = 1
    change(model)
    assert memory.of(model) == {}


def test_other_changes_leave_the_memory() -> None:
    memory, model, other = ModelMemory[int](), network(), network()
    memory.of(model)["layer"] = 1
    model.train().double()
    model[0].weight = nn.Parameter(torch.ones(4, 3, 3, 3))
    assert memory.of(model) == {"layer": 1}
    assert memory.of(other) == {}


def test_a_model_is_not_kept_alive() -> None:
    memory, model = ModelMemory[int](), network()
    memory.of(model)["layer"] = 1
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
