"""MaxViT and CoAtNet, of torchvision and of timm: attention on (N, C, h, w), all pooled."""

from __future__ import annotations

from typing import Any

from torch import nn

from camkit_core import Adapter


def adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last block: `blocks[-1]`."""
    return Adapter(model.blocks[-1])


def timm_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The norm that pooling reads, or the last stage where that norm comes after pooling."""
    return Adapter(model.stages[-1] if isinstance(model.norm, nn.Identity) else model.norm)
