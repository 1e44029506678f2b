"""MobileNet v1 to v4, of torchvision, timm and Hugging Face; timm's v2 is in mnasnet.py."""

from __future__ import annotations

from typing import Any

from camkit_core import Adapter


def adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last convolution with its norm and activation: `features[-1]`."""
    return Adapter(model.features[-1])


def timm_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last stage: `blocks[-1]`; the convolution of the head comes after pooling."""
    return Adapter(model.blocks[-1])


def huggingface_v1_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last convolution: `layer[-1]`."""
    return Adapter(model.mobilenet_v1.layer[-1])


def huggingface_v2_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last convolution: `conv_1x1`."""
    return Adapter(model.mobilenet_v2.conv_1x1)
