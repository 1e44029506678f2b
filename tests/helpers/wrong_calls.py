"""`explain` with one thing wrong."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

import camkit_core as camkit


def net() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 4)
    )


def ask(model: Any = None, images: Any = None, method: Any = "gradcam", **settings: Any) -> Any:
    """`explain` with one thing wrong."""
    model = net() if model is None else model
    images = torch.randn(2, 3, 8, 8) if images is None else images
    return camkit.explain(model, images, method, **{"target": 1, "layer": "0"} | settings)
