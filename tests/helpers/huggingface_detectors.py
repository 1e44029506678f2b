"""Small detectors of transformers with random weights, each made from a config."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

SIZE = (96, 128)
CLASSES, QUERIES = 4, 6
_STAGES = ["stage2", "stage3", "stage4"]
_WITH_BACKBONE = {"use_timm_backbone": False, "use_pretrained_backbone": False}
_LABELS = {"num_labels": CLASSES, "num_queries": QUERIES}
_LAYERS = {
    "encoder_layers": 1,
    "decoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32,
}
_HYBRID = {
    **_LABELS,
    **_LAYERS,
    "encoder_hidden_dim": 32,
    "encoder_in_channels": [16, 24, 32],
    "d_model": 32,
    "decoder_in_channels": [32, 32, 32],
    "num_denoising": 0,
    "decoder_n_points": 2,
}
_PROJECTED = {
    **_LABELS,
    "d_model": 32,
    "decoder_ffn_dim": 32,
    "decoder_layers": 2,
    "decoder_self_attention_heads": 2,
    "decoder_cross_attention_heads": 2,
    "group_detr": 1,
}
_TRANSFORMER = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}


def detector(name: str) -> nn.Module:
    """A detector by the first part of its class's name, such as "Detr", for images of `SIZE`."""
    import transformers

    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(**_SETTINGS[name]())
    model: nn.Module = getattr(transformers, f"{name}ForObjectDetection")(config).eval()
    return model


def _resnet(stages: list[str]) -> Any:
    from transformers import ResNetConfig

    sides = {"embedding_size": 8, "hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]}
    return ResNetConfig(**sides, layer_type="basic", out_features=stages)


def _of_one_stage() -> dict[str, Any]:
    backbone = {"backbone_config": _resnet(["stage4"]), **_WITH_BACKBONE}
    return {**backbone, **_LABELS, **_LAYERS, "d_model": 32}


def _dab() -> dict[str, Any]:
    settings = _of_one_stage()
    return {**settings, "hidden_size": settings.pop("d_model")}


def _deformable() -> dict[str, Any]:
    points = {"encoder_n_points": 2, "decoder_n_points": 2}
    return {**_of_one_stage(), "backbone_config": _resnet(_STAGES), **points}


def _hybrid() -> dict[str, Any]:
    return {**_HYBRID, "backbone_config": _resnet(_STAGES)}


def _lw() -> dict[str, Any]:
    own = {"image_size": 128, "num_windows": 4, "window_block_indices": [0], "out_indices": [1, 2]}
    backbone = {"model_type": "lw_detr_vit", **_TRANSFORMER, **own}
    return {**_PROJECTED, "backbone_config": backbone, "projector_scale_factors": [2.0, 0.5]}


def _rf() -> dict[str, Any]:
    own = {"image_size": 96, "patch_size": 16, "num_windows": 2, "out_indices": [1, 2]}
    return {
        **_PROJECTED,
        "backbone_config": {"model_type": "rf_detr_dinov2", **_TRANSFORMER, **own},
    }


def _yolos() -> dict[str, Any]:
    own = {"intermediate_size": 32, "image_size": list(SIZE), "num_detection_tokens": QUERIES}
    return {**_TRANSFORMER, **own, "num_labels": CLASSES}


_SETTINGS: dict[str, Callable[[], dict[str, Any]]] = {
    "Detr": _of_one_stage,
    "TableTransformer": _of_one_stage,
    "ConditionalDetr": _of_one_stage,
    "DabDetr": _dab,
    "DeformableDetr": _deformable,
    "RTDetr": _hybrid,
    "RTDetrV2": _hybrid,
    "DFine": _hybrid,
    "Deimv2": _hybrid,
    "LwDetr": _lw,
    "RfDetr": _rf,
    "Yolos": _yolos,
}
