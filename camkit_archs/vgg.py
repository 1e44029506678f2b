"""VGG with and without batch norm, of torchvision and of timm."""

from __future__ import annotations

from torch import nn

from camkit_core import Adapter


def adapter(model: nn.Module, image_size: tuple[int, int]) -> Adapter:
    """The last pooled features: `features[-1]`."""
    return Adapter(layer=model.get_submodule("features")[-1])  # type: ignore[index]
