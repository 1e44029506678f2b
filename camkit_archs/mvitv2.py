"""MViTv2, of timm: a transformer whose grid shrinks from stage to stage."""

from __future__ import annotations

from typing import Any

from camkit_core import Adapter, tokens_to_grid


def adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The norm that pooling reads; with a class token, the norm before the last attention."""
    height, width = (-(-side // model.patch_embed.proj.stride[0]) for side in image_size)
    for _ in model.stages[1:]:
        height, width = -(-height // 2), -(-width // 2)
    pooled = model.global_pool == "avg"
    layer = model.norm if pooled else model.stages[-1].blocks[-1].norm1
    return Adapter(layer, tokens_to_grid(height, width, int(model.cls_token is not None)))
