"""What folds a model's weights into its code: that it does, and that it sees them change."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from camkit_core.probe.compiled import compiled

X = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
Graphs = list[int]


class Scaled(nn.Module):
    """Has a parameter, a buffer and a plain tensor, and breaks its graph where it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 2, 3, bias=False)
        self.norm = nn.BatchNorm2d(2)
        self.factor = torch.tensor(2.0)
        self.breaks = False

    def forward(self, images: Tensor) -> Tensor:
        if self.breaks:
            torch._dynamo.graph_break()
        return self.norm(self.convolution(images)) * self.factor


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> Graphs:
    """How many tensors each compiled graph is given."""
    given: Graphs = []

    def noting(graph: Any, inputs: list[Tensor]) -> Any:
        given.append(len(inputs))
        return graph

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=noting))
    return given


@pytest.fixture
def model() -> Scaled:
    return Scaled().eval()


@torch.no_grad()
def run(model: nn.Module) -> None:
    torch.testing.assert_close(compiled(model)(X), model(X))


def test_the_graph_is_given_the_images_alone(model: Scaled, graphs: Graphs) -> None:
    run(model)
    assert graphs == [1]


def test_what_did_not_change_is_compiled_once(model: Scaled, graphs: Graphs) -> None:
    run(model)
    run(model)
    assert len(graphs) == 1


def new_weight(model: Scaled) -> None:
    model.convolution.weight = nn.Parameter(torch.ones(2, 3, 3, 3))


def other_values(model: Scaled) -> None:
    model.convolution.weight.data = torch.ones(2, 3, 3, 3)


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model.convolution.weight.mul_(2),
        lambda model: model.norm.running_var.mul_(2),
        lambda model: model.factor.mul_(2),
        new_weight,
        other_values,
        lambda model: model.convolution.weight.data[1].mul_(2),
        lambda model: model.convolution.weight.detach().numpy()[1].fill(3),
    ],
)
def test_a_change_is_compiled_anew(
    model: Scaled, graphs: Graphs, change: Callable[[Scaled], None]
) -> None:
    run(model)
    with torch.no_grad():
        change(model)
    run(model)
    assert len(graphs) == 2


def test_a_model_that_is_no_single_graph_is_not_folded(model: Scaled, graphs: Graphs) -> None:
    model.breaks = True
    run(model)
    assert graphs == [1 + 4 + 2]  # a norm has four tensors beside its count of batches


def test_the_model_is_not_kept_alive(graphs: Graphs) -> None:
    model: Any = Scaled().eval()
    run(model)
    alive, model = weakref.ref(model), None
    torch._dynamo.reset()
    gc.collect()
    assert alive() is None
