"""Transformers that shrink their grid from stage to stage (MViTv2, PVTv2, Hiera), of timm."""

from __future__ import annotations

from typing import Any

from camkit_core import Adapter, tokens_to_grid


def mvit_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The norm that pooling reads; with a class token, the norm before the last attention."""
    height, width = (-(-side // model.patch_embed.proj.stride[0]) for side in image_size)
    for _ in model.stages[1:]:
        height, width = -(-height // 2), -(-width // 2)
    pooled = model.global_pool == "avg"
    layer = model.norm if pooled else model.stages[-1].blocks[-1].norm1
    return Adapter(layer, tokens_to_grid(height, width, int(model.cls_token is not None)))


def pvt_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last stage: `stages[-1]`, (N, C, h, w)."""
    return Adapter(model.stages[-1])


def hiera_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last block: `blocks[-1]`.

    Tokens are ordered by mask unit. In the last stage a unit is a single token, so the tokens lie
    row by row.
    """
    cells = zip(model.tokens_spatial_shape, model.mask_unit_size, strict=True)
    height, width = (side // unit for side, unit in cells)
    return Adapter(model.blocks[-1], tokens_to_grid(height, width))
