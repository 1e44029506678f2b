"""Small vision transformers of which few rows reach the score, of all three libraries."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from timm.models.beit import Beit
from timm.models.deit import VisionTransformerDistilled
from timm.models.eva import Eva
from timm.models.tnt import TNT
from timm.models.vision_transformer import ParallelScalingBlock
from timm.models.vision_transformer import VisionTransformer as TimmViT
from torch import Tensor, nn
from torchvision.models.vision_transformer import VisionTransformer
from transformers import (
    BeitConfig,
    BeitForImageClassification,
    DeiTConfig,
    DeiTForImageClassificationWithTeacher,
    Dinov2Config,
    Dinov2ForImageClassification,
    ViTConfig,
    ViTForImageClassification,
)

SIZE, CLASSES = 32, 5
_TIMM = {"img_size": SIZE, "patch_size": 8, "embed_dim": 16, "depth": 2, "num_heads": 2}
_TIMM |= {"num_classes": CLASSES}
_TNT = {"num_heads_inner": 2, "num_heads_outer": 2, "num_classes": CLASSES, "legacy": True}
_HF = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "num_labels": CLASSES}
_HF |= {"intermediate_size": 32, "image_size": SIZE, "patch_size": 8}


def _huggingface(model: Any, config: Any, attention: str = "sdpa") -> nn.Module:
    return model(config(**_HF, attn_implementation=attention))


def _unfused() -> nn.Module:
    model = TimmViT(**_TIMM)
    for block in model.blocks:
        block.attn.fused_attn = False
    return model


# By the way that their ablations take.
ATTENDED: dict[str, Callable[[], nn.Module]] = {
    "torchvision": partial(VisionTransformer, SIZE, 8, 2, 2, 16, 32, num_classes=CLASSES),
    "timm": partial(TimmViT, **_TIMM),
    "timm, step by step": _unfused,
    "layer scale": partial(TimmViT, **_TIMM, init_values=0.5),
    "registers": partial(TimmViT, **_TIMM, reg_tokens=3),
    "distilled": partial(VisionTransformerDistilled, **_TIMM),
    "relative positions": partial(
        Beit, **_TIMM, global_pool="token", use_rel_pos_bias=True, use_abs_pos_emb=False
    ),
    "Hugging Face": partial(_huggingface, ViTForImageClassification, ViTConfig),
    "dropout in place": partial(TNT, SIZE, 8, embed_dim=16, inner_dim=4, depth=2, **_TNT),
    "Hugging Face, two heads": partial(
        _huggingface, DeiTForImageClassificationWithTeacher, DeiTConfig
    ),
}
LINEAR: dict[str, Callable[[], nn.Module]] = {
    "parallel": partial(TimmViT, **_TIMM, block_fn=ParallelScalingBlock),
    "normalised queries": partial(TimmViT, **_TIMM, qk_norm=True),
    "rotary": partial(Eva, **_TIMM, global_pool="token", use_rot_pos_emb=True),
}
# All rows reach the score.
AVERAGED: dict[str, Callable[[], nn.Module]] = {
    "averaged": partial(TimmViT, **_TIMM, global_pool="avg"),
    "averaged, layer scale": partial(Beit, **_TIMM, init_values=0.5, use_rel_pos_bias=True),
    "averaged, rotary": partial(Eva, **_TIMM, use_rot_pos_emb=True, swiglu_mlp=True),
    "averaged, no class token": partial(
        TimmViT, **_TIMM, global_pool="avg", class_token=False, fc_norm=False
    ),
    "attention pooling": partial(TimmViT, **_TIMM, global_pool="map", class_token=False),
    "class token and average": partial(_huggingface, Dinov2ForImageClassification, Dinov2Config),
    "averaged, Hugging Face": partial(_huggingface, BeitForImageClassification, BeitConfig),
}
PLAIN: dict[str, Callable[[], nn.Module]] = {
    "Hugging Face, softmax in float32": partial(
        _huggingface, ViTForImageClassification, ViTConfig, "eager"
    ),
}


def lively(build: Callable[[], nn.Module], dtype: torch.dtype = torch.float64) -> nn.Module:
    """The network in evaluation mode, every parameter of it drawn at random."""
    torch.manual_seed(0)
    model = build().to(dtype).eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, 1.0 * (parameter.ndim == 1), 0.3)
    return model


def pictures(count: int = 2, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(count, 3, SIZE, SIZE, dtype=dtype)


def gradient(model: nn.Module, images: Tensor, layer: str) -> Tensor:
    """The gradient of class 1 at a layer, by autograd alone."""
    kept: list[Tensor] = []

    def hook(module: nn.Module, args: Any, output: Tensor) -> Tensor:
        kept.append(output.detach().requires_grad_())
        return kept[0].clone()

    handle = model.get_submodule(layer).register_forward_hook(hook)
    output = model(images)
    handle.remove()
    return torch.autograd.grad(getattr(output, "logits", output)[:, 1].sum(), kept[0])[0]
