"""TNT, of timm: a transformer among patches, with another inside each patch."""

from __future__ import annotations

from typing import Any

from camkit_core import Adapter, tokens_to_grid


def adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The norm before the last attention among patches: `blocks[-1].norm_out`."""
    height, width = model.pixel_embed.dynamic_feat_size(image_size)
    return Adapter(model.blocks[-1].norm_out, tokens_to_grid(height, width, prefix=1))
