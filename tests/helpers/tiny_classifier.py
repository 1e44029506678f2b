"""A tiny classifier with names that no page may take for markup, and its factory."""

from __future__ import annotations

import torch
from torch import nn
from torchvision.transforms import v2

FACTORY = "helpers.tiny_classifier:made"  # as `--model` takes it
NAMES = ("<img src=x onerror=alert(1)>", "Straßenbahn", "虎斑猫", "</script><b>", "plain")


def tiny() -> nn.Module:
    """Two convolutions and a linear layer behind global pooling, always the same."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, len(NAMES)),
        )  # fmt: skip
    with torch.no_grad():
        network[-1].weight.mul_(20)  # so that scores differ
    return network.eval()


def made() -> tuple[nn.Module, v2.Compose, tuple[str, ...]]:
    """As `--model helpers.tiny_classifier:made` loads it."""
    steps = [
        v2.PILToTensor(),
        v2.Resize(36),
        v2.CenterCrop(32),
        v2.ToDtype(torch.float32, scale=True),
    ]
    return tiny(), v2.Compose(steps), NAMES
