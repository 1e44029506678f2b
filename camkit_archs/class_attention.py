"""Transformers whose class token joins late (CaiT, XCiT, VOLO) or reads another scale (CrossViT).

The target layer gives the patches that the class attention reads.
"""

from __future__ import annotations

from typing import Any

from camkit_core import Adapter, channels_last_to_grid, tokens_to_grid


def cait_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last block of patches: `blocks[-1]`."""
    return Adapter(
        model.blocks[-1], tokens_to_grid(*model.patch_embed.dynamic_feat_size(image_size))
    )


def xcit_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last block of patches: `blocks[-1]`."""
    height, width = (-(-side // model.patch_embed.patch_size) for side in image_size)
    return Adapter(model.blocks[-1], tokens_to_grid(height, width))


def volo_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last stage of patches: `network[-1]`, (N, h, w, C)."""
    return Adapter(model.network[-1], channels_last_to_grid)


def crossvit_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The coarse branch where the fine one's class token reads it last."""
    embed, size = model.patch_embed[-1], model.img_size_scaled[-1]
    height, width = (side // patch for side, patch in zip(size, embed.patch_size, strict=True))
    return Adapter(model.blocks[-1].blocks[-1], tokens_to_grid(height, width, prefix=1))


def tnt_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The norm before the last attention among patches: `blocks[-1].norm_out`."""
    height, width = model.pixel_embed.dynamic_feat_size(image_size)
    return Adapter(model.blocks[-1].norm_out, tokens_to_grid(height, width, prefix=1))
