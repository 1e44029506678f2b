"""Vision transformers (ViT, DeiT), of torchvision and of timm."""

from __future__ import annotations

from typing import Any

from camkit_core import Adapter, tokens_to_grid


def adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last block's first norm: `encoder.layers[-1].ln_1`.

    Later than that, a patch's output no longer reaches the class token.
    """
    height, width = (side // model.patch_size for side in image_size)
    return Adapter(model.encoder.layers[-1].ln_1, tokens_to_grid(height, width, prefix=1))


def timm_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last block's first norm: `blocks[-1].norm1`; grid and prefix tokens from the model.

    Parallel blocks call it `in_norm`; where each branch has its own, the block before is taken.
    """
    height, width = model.patch_embed.dynamic_feat_size(image_size)
    last = model.blocks[-1]
    norms = [getattr(last, name) for name in ("norm1", "in_norm") if hasattr(last, name)]
    layer = norms[0] if norms else model.blocks[-2]
    return Adapter(layer, tokens_to_grid(height, width, model.num_prefix_tokens))
