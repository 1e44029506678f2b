"""Class scores of three images, and a small network that returns them in any form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

import camkit_core as camkit

LOGITS = torch.tensor([[0.1, 3.0, -1.0, 0.5], [2.0, -2.0, 0.0, 1.0], [-1.0, -4.0, -3.0, -2.0]])
SIX = ["gradcam", "gradcam++", "xgradcam", "ablationcam", "scorecam", "guided_backprop"]


def second(sample: Tensor) -> Tensor:
    return sample[2]


def net(wrap: Callable[[Tensor], Any] = lambda logits: logits, classes: int = 4) -> nn.Module:
    class Net(nn.Sequential):
        def forward(self, images: Tensor) -> Any:
            return wrap(super().forward(images))

    layers = [nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return Net(*layers, nn.Linear(4, classes))


def explain(model: nn.Module, target: Any, method: str = "gradcam") -> camkit.Explanation:
    return camkit.explain(model, torch.randn(3, 3, 6, 6), method, target, "0")
