"""VGG with and without batch norm, of torchvision and of timm."""

from __future__ import annotations

from typing import Any

from camkit_core import Adapter


def adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last pooled features: `features[-1]`."""
    return Adapter(layer=model.features[-1])
