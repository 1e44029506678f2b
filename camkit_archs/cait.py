"""CaiT, of timm: its class token joins late, and reads the last block of patches."""

from __future__ import annotations

from typing import Any

from camkit_core import Adapter, tokens_to_grid


def adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last block of patches: `blocks[-1]`."""
    return Adapter(
        model.blocks[-1], tokens_to_grid(*model.patch_embed.dynamic_feat_size(image_size))
    )
