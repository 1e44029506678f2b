"""Images that are mirrored, shifted, turned on their diagonal, or not square."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.plugins import get_registry
from helpers import naive
from helpers.small_nets import FAMILIES, small_net
from helpers.toys import ConvNet

pytestmark = pytest.mark.filterwarnings("ignore:blank map")


@pytest.fixture
def model() -> ConvNet:
    """A random network equivariant to shifts, whose norm is not the identity."""
    model = ConvNet()
    model.train()(torch.randn(8, 3, 9, 9, dtype=torch.float64))
    return model.eval()


IMAGES = torch.randn(2, 3, 8, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def assert_same_map(given: Tensor, wanted: Tensor) -> None:
    assert given.shape == wanted.shape
    assert float((given - wanted).abs().max()) <= 1e-9 * float(wanted.abs().max())


def test_a_mirrored_image_in_a_mirrored_network_gives_the_mirrored_map(
    model: ConvNet, method: str
) -> None:
    mirrored = deepcopy(model)
    for module in mirrored.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.data = module.weight.data.flip(-1)
    wanted = camkit.explain(model, IMAGES, method, 1, "relu").cam
    given = camkit.explain(mirrored, IMAGES.flip(-1), method, 1, "relu").cam
    assert_same_map(given, wanted.flip(-1))
    assert not torch.allclose(given, wanted, rtol=0.1)
    other = camkit.explain(model, IMAGES.flip(-1), method, 1, "relu").cam
    assert not torch.allclose(other, wanted.flip(-1), rtol=0.1)


@pytest.mark.parametrize("shift", [(3, 0), (2, -5)])
def test_a_shifted_image_gives_the_shifted_map(
    model: ConvNet, method: str, shift: tuple[int, int]
) -> None:
    """Circular padding, stride 1, and a head that reads the mean over positions."""
    wanted = camkit.explain(model, IMAGES, method, 1, "relu").cam
    given = camkit.explain(model, IMAGES.roll(shift, (2, 3)), method, 1, "relu").cam
    assert_same_map(given, wanted.roll(shift, (1, 2)))
    assert not torch.allclose(given, wanted, rtol=0.1)


def test_an_image_on_its_side_gives_the_map_on_its_side(model: ConvNet, method: str) -> None:
    """Rows and columns of 8x12 pixels are exchanged: a mixed-up axis would show."""
    turned = deepcopy(model)
    for module in turned.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.data = module.weight.data.transpose(2, 3).contiguous()
    e = camkit.explain(turned, IMAGES.transpose(2, 3).contiguous(), method, 1, "relu")
    wanted = camkit.explain(model, IMAGES, method, 1, "relu")
    assert wanted.cam.shape == (2, 8, 12)
    assert_same_map(e.cam, wanted.cam.transpose(1, 2))
    assert_same_map(e.heatmap, wanted.heatmap.transpose(1, 2))
    assert wanted.heatmap.any()


@pytest.mark.parametrize("name", [name for name in FAMILIES if name != "vit"])
def test_images_that_are_not_square_give_the_formulas_map(name: str, method: str) -> None:
    """torchvision's ViT refuses such images itself; timm's takes them with dynamic_img_size."""
    model = small_net(name).model
    images = torch.randn(2, 3, 32, 64, dtype=torch.float64)
    contribution = get_registry().adapter_for(type(model))
    assert contribution is not None
    adapter = contribution.load()(model, (32, 64))
    e = camkit.explain(model, images, method, 2)
    assert e.cam.shape[2] == 2 * e.cam.shape[1]
    assert e.heatmap.shape == (2, 32, 64)
    wanted = naive.cam(method, model, images, adapter, lambda row: row[2])
    assert_same_map(e.cam, wanted)
    assert not torch.allclose(e.cam[0], e.cam[1], rtol=0.1)
