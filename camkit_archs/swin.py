"""Swin transformers (v1, v2), of torchvision, timm and Hugging Face: no class token, all pooled."""

from __future__ import annotations

from typing import Any

from camkit_core import Adapter, channels_last_to_grid, tokens_to_grid


def adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The norm that pooling reads: (N, h, w, C)."""
    return Adapter(model.norm, channels_last_to_grid)


def cr_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """timm's "CR" variant of v2, which pools its last stage: (N, C, h, w)."""
    return Adapter(model.stages[-1])


def huggingface_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The norm that pooling reads: tokens, on a grid that each stage but the first halves."""
    base, config = getattr(model, model.base_model_prefix), model.config
    height, width = (-(-side // config.patch_size) for side in image_size)
    for _ in config.depths[1:]:
        height, width = -(-height // 2), -(-width // 2)
    return Adapter(base.layernorm, tokens_to_grid(height, width))
