"""A small convolutional network, images for it, and how its maps are compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

FIVE = ["gradcam", "gradcam++", "xgradcam", "ablationcam", "scorecam"]
GRADIENT = FIVE[:3]
five = pytest.mark.parametrize("method", FIVE)


class Small(nn.Module):
    """Two convolutions to explain, and a head; `wrap` decides what holds the logits."""

    def __init__(self, wrap: Callable[[Tensor], Any] = lambda logits: logits, classes: int = 4):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU())
        self.body = nn.Sequential(nn.Conv2d(4, 6, 3, stride=2, padding=1), nn.ReLU())
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(24, 8), nn.Tanh(),
            nn.Linear(8, classes),
        )  # fmt: skip
        self.wrap = wrap

    def forward(self, images: Tensor) -> Any:
        return self.wrap(self.head(self.body(self.stem(images))))


def small(**settings: Any) -> Small:
    return Small(**settings).double().eval()


def pictures(count: int = 2, height: int = 12, width: int = 16) -> Tensor:
    return torch.randn(count, 3, height, width, dtype=torch.float64)


def close(given: Tensor, expected: Tensor, tolerance: float = 1e-9) -> bool:
    return bool((given - expected).abs().max() <= tolerance * expected.abs().max().clamp(min=1e-9))


def passes(model: nn.Module) -> list[int]:
    """Counts the runs of the model's first module from now on, by wrapping its forward."""
    first, sizes = model.stem[0], []
    forward = first.forward

    def counted(images: Tensor) -> Tensor:
        sizes.append(len(images))
        return forward(images)

    first.forward = counted
    return sizes
