"""MNASNet: torchvision's class, and timm's, which is its EfficientNet class."""

from __future__ import annotations

from torch import nn

from camkit_core import Adapter


def adapter(model: nn.Module, image_size: tuple[int, int]) -> Adapter:
    """The last ReLU before pooling: `layers[-1]`."""
    return Adapter(layer=model.get_submodule("layers")[-1])  # type: ignore[index]


def timm_adapter(model: nn.Module, image_size: tuple[int, int]) -> Adapter:
    """The last norm before pooling, which holds the activation function: `bn2`."""
    return Adapter(layer=model.get_submodule("bn2"))
