"""The segmenters of the coverage report that are not torchvision's, from small configs."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import torch
from coverage_models import Built
from torch import nn

import camkit_core as camkit

SIDE = 128
_SMP = ("Unet", "UnetPlusPlus", "MAnet", "Linknet", "FPN", "PSPNet", "DeepLabV3", "DeepLabV3Plus")
_SMP_NAMES = (*_SMP, "PAN", "UPerNet", "Segformer")
_TINY = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 64}
_VIT = {**_TINY, "image_size": SIDE, "num_hidden_layers": 4}
_RESNET = {"embedding_size": 16, "hidden_sizes": [16, 32, 48, 64], "depths": [1, 1, 1, 1]}
_HUGGINGFACE: dict[str, dict[str, Any]] = {
    "Segformer": {"hidden_sizes": [16, 32, 40, 64], "depths": [1, 1, 1, 1]},
    "Beit": {**_VIT, "out_indices": [0, 1, 2, 3]},
    "Data2VecVision": {**_VIT, "out_indices": [0, 1, 2, 3]},
    "DPT": {
        **_VIT,
        "backbone_out_indices": [0, 1, 2, 3],
        "neck_hidden_sizes": [16, 16, 16, 16],
        "fusion_hidden_size": 16,
        "is_hybrid": False,
    },
    "MobileNetV2": {"depth_multiplier": 0.35},
    "MobileViT": {"image_size": SIDE},
    "UperNet": {"hidden_size": 32, "auxiliary_channels": 16, "auxiliary_in_channels": 48},
}
_MONAI: dict[str, tuple[int, Callable[[Any], nn.Module]]] = {
    "UNet": (2, lambda nets: nets.UNet(2, 3, 3, (8, 16, 32), (2, 2))),
    "UNet of volumes": (3, lambda nets: nets.UNet(3, 3, 3, (8, 16, 32), (2, 2))),
    "AttentionUnet": (2, lambda nets: nets.AttentionUnet(2, 3, 3, (8, 16, 32), (2, 2))),
    "BasicUNet": (2, lambda nets: nets.BasicUNet(2, 3, 3, (8, 8, 16, 32, 64, 8))),
    "DynUNet": (2, lambda nets: nets.DynUNet(2, 3, 3, [3, 3, 3], [1, 2, 2], [2, 2])),
    "SegResNet": (2, lambda nets: nets.SegResNet(2, 8, 3, 3)),
}


def mask_names() -> list[str]:
    """The segmenters, by library and name."""
    return [
        *(f"smp {name}" for name in _SMP_NAMES),
        *(f"transformers {name}" for name in _HUGGINGFACE),
        *(f"monai {name}" for name in _MONAI),
    ]


def build_masks(name: str) -> Built:
    """A segmenter with random weights; class 1 is explained, over the whole image."""
    torch.manual_seed(0)
    library, _, kind = name.partition(" ")
    rank, model = _BUILD[library](kind)
    size = (SIDE,) * rank if rank == 2 else (32,) * rank
    target = camkit.SegmentationTarget(1, torch.ones(size))
    return Built(model, (3, *size), "class 1", target)


def _smp(kind: str) -> tuple[int, nn.Module]:
    smp = importlib.import_module("segmentation_models_pytorch")
    return 2, getattr(smp, kind)("resnet18", encoder_weights=None, classes=3)


def _huggingface(kind: str) -> tuple[int, nn.Module]:
    transformers = importlib.import_module("transformers")
    settings = {"num_labels": 3, **_HUGGINGFACE[kind]}
    if kind == "UperNet":
        stages = [f"stage{stage}" for stage in (1, 2, 3, 4)]
        settings["backbone_config"] = transformers.ResNetConfig(**_RESNET, out_features=stages)
    config = getattr(transformers, f"{kind}Config")(**settings)
    return 2, getattr(transformers, f"{kind}ForSemanticSegmentation")(config)


def _monai(kind: str) -> tuple[int, nn.Module]:
    rank, build = _MONAI[kind]
    return rank, build(importlib.import_module("monai.networks.nets"))


_BUILD: dict[str, Callable[[str], tuple[int, nn.Module]]] = {
    "smp": _smp,
    "transformers": _huggingface,
    "monai": _monai,
}
