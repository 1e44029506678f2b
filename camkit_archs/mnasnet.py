"""MNASNet: torchvision's class, and timm's, which is its EfficientNet class."""

from __future__ import annotations

from typing import Any

from camkit_core import Adapter


def adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last ReLU before pooling: `layers[-1]`."""
    return Adapter(layer=model.layers[-1])


def timm_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last norm before pooling, which holds the activation function: `bn2`."""
    return Adapter(layer=model.bn2)
