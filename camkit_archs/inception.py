"""Inception v1 (GoogLeNet), v3, v4 and Inception-ResNet v2, of torchvision and of timm."""

from __future__ import annotations

from typing import Any

from camkit_core import Adapter


def v1_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last inception block: `inception5b`."""
    return Adapter(model.inception5b)


def v3_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last inception block: `Mixed_7c`."""
    return Adapter(model.Mixed_7c)


def v4_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last inception block: `features[-1]`."""
    return Adapter(model.features[-1])


def resnet_v2_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last convolution: `conv2d_7b`."""
    return Adapter(model.conv2d_7b)
