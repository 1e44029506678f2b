"""The demo's network: a small VGG, trained by `train.py`, with its weights beside this file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models.vgg import VGG, make_layers

from .scene import CLASSES, SIZE

__all__ = ["CLASSES", "SIZE", "WEIGHTS", "build_network", "demo_network", "preprocess", "record_of"]

WEIGHTS = Path(__file__).with_name("weights.safetensors")


def build_network() -> VGG:
    """The network with random weights: pictures of 112 pixels to 14x14 maps of 128 channels.

    The head is not linear, so that the methods have something to differ about.
    """
    features = make_layers([16, "M", 32, "M", 64, 64, "M", 128, 128], batch_norm=True)
    network = VGG(features, num_classes=len(CLASSES), init_weights=True)
    network.avgpool = nn.AdaptiveAvgPool2d(1)
    network.classifier = nn.Sequential(
        nn.Linear(128, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, len(CLASSES))
    )
    return network


def demo_network() -> VGG:
    """The network with the shipped weights, in evaluation mode."""
    network = build_network()
    network.load_state_dict({name: value.float() for name, value in load_file(WEIGHTS).items()})
    return network.eval()


def record_of(weights: Path = WEIGHTS) -> dict[str, str]:
    """What the weights file says of its training: scenes, seed, test accuracy, versions."""
    with safe_open(weights, framework="pt") as stored:
        return dict(stored.metadata())


def preprocess(image: Any) -> Tensor:
    """A scene's picture (H, W, 3), uint8, as a batch (1, 3, H, W) of values in [-1, 1]."""
    pixels = torch.from_numpy(image).movedim(-1, 0)[None]
    return pixels.float() / 127.5 - 1
