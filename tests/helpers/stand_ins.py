"""Small models under the names of well-known ones, which would have to be downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

NAMES = {0: "N/A", 1: "person", 2: "dog"}
_YOLO = """\
nc: 3
backbone:
  - [-1, 1, Conv, [8, 3, 2]]
  - [-1, 1, Conv, [8, 3, 2]]
  - [-1, 1, Conv, [8, 3, 2]]
  - [-1, 1, Conv, [16, 3, 2]]
head:
  - [[2, 3], 1, Detect, [nc]]
"""


def yolo_file(path: Path) -> Path:
    """A checkpoint of a small YOLO, which finds dogs, as ultralytics writes it."""
    from ultralytics.nn.tasks import DetectionModel

    settings = path.with_name("stand-in.yaml")
    settings.write_text(_YOLO)
    torch.manual_seed(0)
    model = DetectionModel(str(settings), verbose=False)
    model.names = NAMES
    with torch.no_grad():
        for level in model.model[-1].cv3:  # the classes
            level[-1].bias[2] = 2
    torch.save({"epoch": -1, "model": model.half(), "train_args": {"imgsz": 64}}, path)
    return path


def detr_folder(folder: Path) -> Path:
    """A small DETR, which finds people, as the hub has it."""
    from transformers import (
        DetrConfig,
        DetrForObjectDetection,
        DetrImageProcessor,
        ResNetConfig,
    )

    sizes: dict[str, Any] = {"hidden_sizes": [8, 16], "depths": [1, 1], "embedding_size": 8}
    backbone = ResNetConfig(**sizes, layer_type="basic", out_features=["stage2"])
    torch.manual_seed(0)
    config = DetrConfig(
        backbone_config=backbone,
        use_timm_backbone=False,
        use_pretrained_backbone=False,
        id2label=NAMES,
        num_queries=4,
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
    )
    model = DetrForObjectDetection(config)
    with torch.no_grad():
        model.class_labels_classifier.bias[1] = 3
    model.save_pretrained(folder)
    DetrImageProcessor(size={"shortest_edge": 64, "longest_edge": 96}).save_pretrained(folder)
    return folder


def tiny_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has open_clip make a small model whatever it is asked for, and nothing is fetched."""
    import open_clip

    def create_model(name: str, *args: Any, **settings: Any) -> nn.Module:
        torch.manual_seed(0)
        vision = {"image_size": 224, "layers": 2, "width": 32, "head_width": 16, "patch_size": 32}
        text = {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
        return open_clip.CLIP(16, vision, text)

    monkeypatch.setattr("open_clip.create_model", create_model)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *a, **k: "/cached")
