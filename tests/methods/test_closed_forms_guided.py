"""Guided backpropagation by hand, however a ReLU is written."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

import camkit_core as camkit
from helpers.toys import linear, tensor

pytestmark = pytest.mark.filterwarnings("ignore:blank map")

Relu = Callable[[Tensor], Tensor]
RELUS: dict[str, Callable[[], Relu]] = {
    "nn.ReLU": nn.ReLU,
    "nn.ReLU, in place": lambda: nn.ReLU(inplace=True),
    "F.relu": lambda: F.relu,
    "F.relu, in place": lambda: lambda given: F.relu(given, inplace=True),
    "tensor.relu": lambda: Tensor.relu,
    "tensor.relu_": lambda: Tensor.relu_,
    "torch.relu": lambda: torch.relu,
}


class Twice(nn.Module):
    """y = relu(1 - relu(x))."""

    def __init__(self, relu: Relu) -> None:
        super().__init__()
        self.features, self.relu = nn.Identity(), relu

    def forward(self, images: Tensor) -> Tensor:
        return self.relu(1 - self.relu(self.features(images))).flatten(1)


class Hidden(nn.Module):
    """y = w2 relu(W1 x), with W1 = [[1, 0], [1, -1]] and w2 = [1, -1]; x are two pixels."""

    def __init__(self, relu: Relu) -> None:
        super().__init__()
        self.features, self.relu = nn.Identity(), relu

    def forward(self, images: Tensor) -> Tensor:
        x = self.features(images).flatten(1)
        hidden = self.relu(x @ tensor([[1, 1], [0, -1]]))
        return hidden @ tensor([[1], [-1]])


@pytest.fixture(params=RELUS)
def relu(request: pytest.FixtureRequest) -> Relu:
    """One way to write a ReLU."""
    return RELUS[request.param]()


CASES = [(Twice, [0.5], [0.0], [-1.0]), (Hidden, [2.0, 1.0], [1.0, 0.0], [0.0, 1.0])]


@pytest.mark.parametrize(("net", "x", "guided", "plain"), CASES)
def test_a_relu_is_guided_however_it_is_written(
    net: Callable[[Relu], nn.Module],
    x: list[float],
    guided: list[float],
    plain: list[float],
    relu: Relu,
) -> None:
    """T8, and the plain gradient, which is the result where no ReLU is guided."""
    images = tensor(x).view(1, 1, 1, -1)
    e = camkit.explain(net(relu), images, "guided_backprop", 1, "features")
    assert torch.equal(e.cam, tensor(guided).view(1, 1, -1))
    assert torch.equal(images, tensor(x).view(1, 1, 1, -1))
    assert f"guided {2 if net is Twice else 1} ReLUs" in e.notes
    with pytest.warns(camkit.CamkitWarning, match="guided no ReLU"):
        e = camkit.explain(net(relu), images, "guided_backprop", 1, "features", nodes=())
    assert torch.equal(e.cam, tensor(plain).view(1, 1, -1))


def test_a_network_without_a_relu_gives_the_plain_gradient_and_a_warning() -> None:
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.GELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    images = torch.randn(2, 3, 6, 8, requires_grad=True)
    (plain,) = torch.autograd.grad(model(images)[:, 0].sum(), images)
    with pytest.warns(camkit.CamkitWarning, match="guided no ReLU: the model has none"):
        e = camkit.explain(model, images, "guided_backprop", 0, "0")
    assert torch.allclose(e.cam, plain.sum(1), rtol=1e-5, atol=1e-9)
    assert e.cam.abs().max() > 0


def test_guided_gradcam_is_the_guided_gradient_times_the_heatmap() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 3)
    )
    images = torch.randn(2, 3, 8, 8)
    e = camkit.explain(model, images, "gradcam", 1, "1", guided=True)
    pixels = camkit.explain(model, images, "guided_backprop", 1, "1")
    assert e.guided is not None
    assert torch.allclose(e.guided.sum(1), pixels.cam * e.heatmap, rtol=1e-4, atol=1e-7)
    assert e.guided.abs().max() > 0


def through(activation: nn.Module) -> nn.Sequential:
    """An activation, and a class 0 whose gradient behind it is -1."""
    return nn.Sequential(nn.Identity(), activation, nn.Flatten(), linear([[-1], [1]], [0, 0]))


class Clamp(nn.Module):
    """A ReLU by another name."""

    def forward(self, x: Tensor) -> Tensor:
        return x.clamp(min=0)


@pytest.mark.parametrize(
    "activation",
    [nn.ReLU6(), nn.ReLU6(inplace=True), nn.Hardtanh(0, 1), Clamp(), nn.Threshold(0, 0)],
)
def test_other_forms_of_a_relu_are_guided_too(activation: nn.Module) -> None:
    images = torch.full((1, 1, 1, 1), 0.5).double()
    e = camkit.explain(through(activation), images, "guided_backprop", 0, "0")
    assert e.cam.item() == 0
    assert "guided 1 ReLUs" in e.notes


@pytest.mark.parametrize(
    ("activation", "name"),
    [(nn.SiLU(), "SiLU"), (nn.LeakyReLU(), "LeakyReLU"), (nn.Hardtanh(), "Hardtanh")],
)
def test_activations_that_are_not_guided_are_named(activation: nn.Module, name: str) -> None:
    images = torch.full((1, 1, 1, 1), 0.5).double()
    with pytest.warns(camkit.CamkitWarning, match=f"guided no ReLU.*it has 1 {name}"):
        e = camkit.explain(through(activation), images, "guided_backprop", 0, "0")
    assert e.cam.item() < 0
    both = through(nn.Sequential(nn.ReLU(), activation))
    e = camkit.explain(both, images, "guided_backprop", 1, "0")
    assert any(re.match(f"guided 1 ReLUs; not guided, .*: 1 {name}$", note) for note in e.notes)


def test_another_activation_is_guided_by_the_name_of_its_node() -> None:
    images = torch.full((1, 1, 1, 1), 0.5).double()
    e = camkit.explain(
        through(nn.SiLU()), images, "guided_backprop", 0, "0", nodes=("SiluBackward0",)
    )
    assert e.cam.item() == 0
