"""Segmenters of other libraries, with no configuration: the layer is before the head."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import camkit_core as camkit
from camkit_core import SegmentationTarget

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")

SMP = {
    "Unet": "encoder[5]",
    "FPN": "encoder[5]",
    "PSPNet": "encoder[3]",
    "DeepLabV3Plus": "encoder[5]",
    "UPerNet": "encoder[5]",
}
MONAI: dict[str, tuple[Callable[[Any], Any], tuple[int, ...], str]] = {
    "UNet": (lambda nets: nets.UNet(2, 1, 3, (4, 8, 16), (2, 2)), (48, 64), "model.1.submodule.1"),
    "UNet 3D": (
        lambda nets: nets.UNet(3, 1, 3, (4, 8, 16), (2, 2)),
        (16, 16, 24),
        "model.1.submodule.1",
    ),
    "BasicUNet": (lambda nets: nets.BasicUNet(2, 1, 3, (4, 4, 8, 8, 16, 4)), (48, 64), "down_4"),
    "AttentionUnet": (
        lambda nets: nets.AttentionUnet(2, 1, 3, (4, 8, 16), (2, 2)),
        (48, 64),
        "model.1.submodule.1.submodule",
    ),
}


def left_half(images: Tensor) -> SegmentationTarget:
    mask = torch.zeros(images.shape[2:])
    mask[..., : images.shape[-1] // 2] = 1
    return SegmentationTarget(1, mask)


def explained(model: Any, images: Tensor, **settings: Any) -> camkit.Explanation:
    return camkit.explain(model, images, target=left_half(images), **settings)


@pytest.mark.parametrize("name", SMP)
def test_segmentation_models_pytorch(name: str) -> None:
    smp = pytest.importorskip("segmentation_models_pytorch")
    torch.manual_seed(0)
    model = getattr(smp, name)("resnet18", encoder_weights=None, classes=3).eval()
    images = torch.randn(1, 3, 64, 96)
    e = explained(model, images)
    assert e.layer == SMP[name]
    assert torch.equal(explained(model, images, layer=e.layer).cam, e.cam)


def test_a_second_head_of_the_whole_image_changes_nothing() -> None:
    smp = pytest.importorskip("segmentation_models_pytorch")
    images = torch.randn(1, 3, 64, 96)
    torch.manual_seed(0)
    both = smp.Unet("resnet18", encoder_weights=None, classes=3, aux_params={"classes": 5}).eval()
    one = smp.Unet("resnet18", encoder_weights=None, classes=3).eval()
    one.load_state_dict(both.state_dict(), strict=False)
    torch.testing.assert_close(explained(both, images).cam, explained(one, images).cam)


@pytest.mark.parametrize("name", MONAI)
def test_monai(name: str) -> None:
    nets = pytest.importorskip("monai.networks.nets")
    build, size, layer = MONAI[name]
    torch.manual_seed(0)
    model, images = build(nets).eval(), torch.randn(1, 1, *size)
    e = explained(model, images)
    assert e.layer == layer
    assert torch.equal(explained(model, images, layer=e.layer).cam, e.cam)
