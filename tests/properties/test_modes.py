"""The state a model and the caller are in does not matter: frozen, training, without gradients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import cache

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from helpers.small_nets import Net

pytestmark = pytest.mark.filterwarnings("ignore:blank map")
METHODS = ["gradcam", "gradcam++", "xgradcam", "ablationcam", "scorecam"]


@cache
def expected_maps(net: Net) -> list[Tensor]:
    """Those of the model as it is, in evaluation mode."""
    return maps(net.model, net.images)


def maps(model: nn.Module, images: Tensor) -> list[Tensor]:
    """The maps of all methods and of guided backpropagation."""
    methods = [*METHODS, "guided_backprop"]
    return [answer.cam for answer in camkit.compare(model, images, methods, [2])]


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    yield
    assert not any(parameter.requires_grad for parameter in model.parameters())


@contextmanager
def training(model: nn.Module) -> Iterator[None]:
    model.train()
    yield
    assert all(module.training for module in model.modules())


@contextmanager
def no_grad(model: nn.Module) -> Iterator[None]:
    with torch.no_grad():
        yield
        assert not torch.is_grad_enabled()


@contextmanager
def inference(model: nn.Module) -> Iterator[None]:
    with torch.inference_mode():
        yield
        assert torch.is_inference_mode_enabled()


@pytest.mark.filterwarnings("ignore:guided no ReLU")
@pytest.mark.parametrize("state", [frozen, training, no_grad, inference])
def test_the_map_is_the_same(net: Net, state: object) -> None:
    wanted = expected_maps(net)
    model = deepcopy(net.model)
    with state(model):  # type: ignore[operator]
        given = maps(model, net.images)
    for cam, expected, method in zip(given, wanted, [*METHODS, "guided_backprop"], strict=True):
        # Not to the bit, because frozen weights use other kernels.
        assert (cam - expected).abs().max() <= 1e-13 * expected.abs().max(), method
        assert expected.any(), method
        assert not cam.is_inference()


def test_training_mode_would_change_what_the_model_says(net: Net) -> None:
    """The partner of the test above: dropout or batch statistics change its maps."""
    model = deepcopy(net.model)
    wanted = model(net.images)
    assert not torch.allclose(model.train()(net.images), wanted, rtol=1e-2)


@pytest.mark.filterwarnings("ignore:guided no ReLU")
@pytest.mark.parametrize("inside", [True, False])
def test_images_made_in_inference_mode_are_explained(net: Net, inside: bool) -> None:
    with torch.inference_mode():
        images = net.images.clone()
    assert images.is_inference()
    with torch.inference_mode(inside):
        given = maps(net.model, images)
    for cam, expected in zip(given, expected_maps(net), strict=True):
        assert torch.equal(cam, expected)


@pytest.mark.filterwarnings("ignore:guided no ReLU")
def test_images_that_carry_a_graph_are_explained_and_left_alone(net: Net) -> None:
    images = net.images.clone().requires_grad_()
    given = maps(net.model, images * 1)
    for cam, expected in zip(given, expected_maps(net), strict=True):
        assert torch.equal(cam, expected)
        assert not cam.requires_grad
    assert images.grad is None


class Cached(nn.Module):
    """Keeps a tensor of its first forward pass, as some models keep positional encodings."""

    def __init__(self) -> None:
        super().__init__()
        self.features, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 3)
        self.cache: Tensor | None = None

    def forward(self, images: Tensor) -> Tensor:
        if self.cache is None:
            self.cache = torch.ones(4, 6, 6, dtype=images.dtype)
        return self.head((self.features(images) + self.cache).relu().mean((2, 3)))


def test_a_model_that_keeps_a_tensor_from_inference_mode_is_explained() -> None:
    """PyTorch itself can take gradients through this model."""
    images, model = torch.randn(2, 3, 8, 8), Cached()
    with torch.inference_mode():
        model(images)
    assert model.cache is not None
    assert model.cache.is_inference()
    model(images.requires_grad_()).sum().backward()
    for method in METHODS:
        e = camkit.explain(model, images, method, 1, "features")
        assert e.cam.any()
