"""Whether a network computes in place does not change a map, at any of its layers."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from copy import deepcopy
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from torchvision.models.densenet import DenseNet

import camkit_core as camkit
from helpers.small_nets import Net, small_net
from helpers.toys import ConvNet

pytestmark = pytest.mark.filterwarnings("ignore:blank map")
METHODS = ["gradcam", "gradcam++", "xgradcam", "ablationcam", "scorecam"]


class OutOfPlaceDenseNet(DenseNet):
    """The same network, except that its last ReLU is in place in torchvision's class."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = F.relu(self.features(images))
        return self.classifier(F.adaptive_avg_pool2d(features, 1).flatten(1))


def out_of_place(model: nn.Module) -> nn.Module:
    """A copy of the model that computes nothing in place."""
    copy = deepcopy(model)
    for module in copy.modules():
        if getattr(module, "inplace", False):
            module.inplace = False
    if isinstance(copy, DenseNet):
        copy.__class__ = OutOfPlaceDenseNet
    return copy


def leaves(net: Net) -> list[str]:
    """Layers without parts of their own that run once and give maps (N, C, h, w)."""
    outputs: list[tuple[str, torch.Size]] = []

    def watch(name: str) -> Any:
        return lambda module, args, output: outputs.append((name, output.shape))

    with torch.no_grad(), ExitStack() as stack:
        for name, module in net.model.named_modules():
            if not list(module.children()):
                stack.enter_context(module.register_forward_hook(watch(name)))
        net.model(net.images)
    runs = Counter(name for name, _ in outputs)
    return [name for name, shape in outputs if runs[name] == 1 and len(shape) == 4 and shape[3] > 1]


def test_the_networks_compute_in_place() -> None:
    """The partner of the tests below."""
    for name in ("resnet", "vgg", "densenet", "mnasnet", "timm_resnet", "timm_vgg"):
        model = small_net(name).model
        assert any(getattr(module, "inplace", False) for module in model.modules())
    net = small_net("densenet")
    kept = net.model.features(net.images)
    assert bool((kept < 0).any())
    handle = net.model.features.register_forward_hook(lambda module, args, output: kept)
    with handle, torch.no_grad():
        net.model(net.images)
    assert not bool((kept < 0).any())


def test_the_default_map_is_that_of_the_network_out_of_place(net: Net) -> None:
    changed = out_of_place(net.model)
    assert torch.allclose(changed(net.images), net.model(net.images), rtol=1e-12)
    given = camkit.compare(net.model, net.images, METHODS, [2])
    wanted = camkit.compare(changed, net.images, METHODS, [2])
    for first, second in zip(given, wanted, strict=True):
        assert (first.cam - second.cam).abs().max() <= 1e-12 * second.cam.abs().max()
        assert second.cam.any()


@pytest.mark.parametrize(
    "name", ["resnet", "vgg", "densenet", "mnasnet", "timm_resnet", "timm_densenet"]
)
def test_every_layers_map_is_that_of_the_network_out_of_place(name: str) -> None:
    net = small_net(name)
    changed = out_of_place(net.model)
    checked = 0
    for layer in leaves(net)[::2]:
        first = camkit.explain(net.model, net.images, "gradcam", 2, layer)
        second = camkit.explain(changed, net.images, "gradcam", 2, layer)
        assert (first.cam - second.cam).abs().max() <= 1e-12 * second.cam.abs().max(), layer
        checked += bool(second.cam.any())
    assert checked > 4


@pytest.mark.parametrize("layer", ["stem.0", "norm", "relu", "body", "last"])
def test_a_tail_run_is_that_of_the_network_out_of_place(layer: str, method: str) -> None:
    """An edit of a layer before an in-place ReLU must not reach the next edit."""
    torch.manual_seed(5)
    model = ConvNet(pooled=False, inplace=True)
    images = torch.randn(2, 3, 6, 9, dtype=torch.float64)
    first = camkit.explain(model, images, method, 1, layer)
    second = camkit.explain(out_of_place(model), images, method, 1, layer)
    assert (first.cam - second.cam).abs().max() <= 1e-12 * second.cam.abs().max()
    assert second.cam.any()


class Reused(nn.Module):
    """The layer returns the very tensor that it got, and the model then overwrites it."""

    def __init__(self, over: bool) -> None:
        super().__init__()
        self.stem, self.features, self.head = nn.Conv2d(3, 4, 3), nn.Identity(), nn.Linear(4, 3)
        self.over = over
        self.double()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        given = self.stem(images)
        pooled = self.features(given).relu().mean((2, 3))
        if self.over:
            given.zero_()
        return self.head(pooled)


def test_a_map_is_of_the_values_that_left_the_layer(method: str) -> None:
    """The map must not see what others later wrote into the same memory."""
    over = Reused(over=True)
    plain = Reused(over=False)
    plain.load_state_dict(over.state_dict())
    images = torch.randn(2, 3, 6, 9, dtype=torch.float64)
    first = camkit.explain(over, images, method, 1, "features")
    second = camkit.explain(plain, images, method, 1, "features")
    assert torch.equal(first.cam, second.cam)
    assert second.cam.any()
