"""CrossViT, of timm: two branches, whose class tokens read each other's patches."""

from __future__ import annotations

from typing import Any

from camkit_core import Adapter, tokens_to_grid


def adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The coarse branch where the fine one's class token reads it last."""
    embed, size = model.patch_embed[-1], model.img_size_scaled[-1]
    height, width = (side // patch for side, patch in zip(size, embed.patch_size, strict=True))
    return Adapter(model.blocks[-1].blocks[-1], tokens_to_grid(height, width, prefix=1))
