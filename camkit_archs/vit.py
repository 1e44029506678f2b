"""Vision transformers (ViT, DeiT, BEiT, EVA, DINOv2), of torchvision, timm and Hugging Face."""

from __future__ import annotations

from typing import Any

from camkit_core import Adapter, tokens_to_grid


def adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last block's first norm: `encoder.layers[-1].ln_1`.

    Behind that norm, a patch's output no longer reaches the class token.
    """
    height, width = (side // model.patch_size for side in image_size)
    return Adapter(model.encoder.layers[-1].ln_1, tokens_to_grid(height, width, prefix=1))


def timm_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last block's first norm: `blocks[-1].norm1`; grid and prefix tokens from the model.

    Parallel blocks call it `in_norm`. In blocks whose norm follows attention, or which have a norm
    for each branch, the layer is the block before, which attention reads.
    """
    height, width = model.patch_embed.dynamic_feat_size(image_size)
    last = model.blocks[-1]
    afterwards = type(last).__name__ in ("EvaBlockPostNorm", "ResPostBlock")
    norms = [getattr(last, name) for name in ("norm1", "in_norm") if hasattr(last, name)]
    layer = norms[0] if norms and not afterwards else model.blocks[-2]
    return Adapter(layer, tokens_to_grid(height, width, model.num_prefix_tokens))


def huggingface_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last block's first norm; class, distillation and register tokens come first."""
    base, config = getattr(model, model.base_model_prefix), model.config
    block = (base.layers if hasattr(base, "layers") else base.encoder.layer)[-1]
    layer = block.norm1 if hasattr(block, "norm1") else block.layernorm_before
    height, width = (side // config.patch_size for side in image_size)
    prefix = 1 + getattr(config, "num_register_tokens", 0) + (config.model_type == "deit")
    return Adapter(layer, tokens_to_grid(height, width, prefix))
