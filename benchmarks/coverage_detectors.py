"""The detectors of the coverage report beside torchvision's: small ones, made from configs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from coverage_models import Built
from torch import nn

import camkit_core as camkit

STAGES = ["stage2", "stage3", "stage4"]
LABELS = {"num_labels": 4, "num_queries": 10}
LAYERS = {"encoder_layers": 1, "decoder_layers": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64}
HYBRID = {
    "encoder_in_channels": [128, 256, 512],
    "encoder_hidden_dim": 64,
    "d_model": 64,
    "decoder_in_channels": [64, 64, 64],
    "num_denoising": 0,
}
PROJECTED = {"d_model": 64, "decoder_layers": 2, "decoder_ffn_dim": 64, "group_detr": 1}
WINDOWS = {"hidden_size": 48, "num_hidden_layers": 4, "num_attention_heads": 4}
YOLOS = ("yolov5n", "yolov8n", "yolov9t", "yolov10n", "yolo11n", "yolo12n")


def detector_names() -> list[str]:
    """Hugging Face's, by the first part of their classes' names; and ultralytics'."""
    return [*_SETTINGS, *YOLOS]


def build_detector(name: str) -> Built:
    """A detector; the score of its class 1 at the best place is explained."""
    torch.manual_seed(0)
    model = _of_ultralytics(name) if name in YOLOS else _of_huggingface(name)
    return Built(model, (3, 256, 256), "class 1", camkit.DetectionTarget(1))


def _of_ultralytics(name: str) -> nn.Module:
    from ultralytics.nn.tasks import DetectionModel

    model: nn.Module = DetectionModel(f"{name}.yaml", verbose=False)
    return model


def _of_huggingface(name: str) -> nn.Module:
    import transformers

    config = getattr(transformers, f"{name}Config")(**LABELS, **_SETTINGS[name]())
    model: nn.Module = getattr(transformers, f"{name}ForObjectDetection")(config)
    return model


def _resnet(stages: list[str]) -> Any:
    from transformers import ResNetConfig

    sides = {"hidden_sizes": [64, 128, 256, 512], "depths": [1, 1, 1, 1]}
    return ResNetConfig(**sides, layer_type="basic", out_features=stages)


def _one_stage(width: str = "d_model") -> dict[str, Any]:
    offline = {"use_timm_backbone": False, "use_pretrained_backbone": False}
    return {**LAYERS, **offline, "backbone_config": _resnet(["stage4"]), width: 64}


def _stages() -> dict[str, Any]:
    return {**_one_stage(), "backbone_config": _resnet(STAGES)}


def _hybrid() -> dict[str, Any]:
    return {**LAYERS, **HYBRID, "backbone_config": _resnet(STAGES)}


def _lw() -> dict[str, Any]:
    own = {"image_size": 256, "window_block_indices": [0, 2], "out_indices": [1, 3]}
    backbone = {"model_type": "lw_detr_vit", **WINDOWS, **own}
    return {**PROJECTED, "backbone_config": backbone, "projector_scale_factors": [2.0, 0.5]}


def _rf() -> dict[str, Any]:
    own = {"image_size": 256, "patch_size": 16, "num_windows": 2, "out_indices": [2, 4]}
    return {**PROJECTED, "backbone_config": {"model_type": "rf_detr_dinov2", **WINDOWS, **own}}


def _yolos() -> dict[str, Any]:
    return {**WINDOWS, "intermediate_size": 96, "image_size": [256, 256]}


_SETTINGS: dict[str, Callable[[], dict[str, Any]]] = {
    "Detr": _one_stage,
    "TableTransformer": _one_stage,
    "ConditionalDetr": _one_stage,
    "DabDetr": lambda: _one_stage("hidden_size"),
    "DeformableDetr": _stages,
    "RTDetr": _hybrid,
    "RTDetrV2": _hybrid,
    "DFine": _hybrid,
    "Deimv2": _hybrid,
    "LwDetr": _lw,
    "RfDetr": _rf,
    "Yolos": _yolos,
}
