"""Networks of a few parameters, and the channel weights that a method gives them."""

from __future__ import annotations

from functools import wraps
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.plugins import get_registry


def tensor(values: Any) -> Tensor:
    """A float64 tensor."""
    return torch.tensor(values, dtype=torch.float64)


def linear(weights: Any, biases: Any) -> nn.Linear:
    """A float64 linear layer with these weights."""
    weight = tensor(weights)
    layer = nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(tensor(biases))
    return layer


def conv(kernels: Any, **settings: Any) -> nn.Conv2d:
    """A float64 convolution without bias, its kernels (out, in, kh, kw)."""
    weight = tensor(kernels)
    out, given, *size = weight.shape
    layer = nn.Conv2d(given, out, tuple(size), bias=False, dtype=torch.float64, **settings)
    with torch.no_grad():
        layer.weight.copy_(weight)
    return layer


def gap_linear(weights: Any, biases: Any) -> nn.Sequential:
    """Identity "0", which is to be explained, then global average pooling and a linear layer."""
    head = linear(weights, biases)
    return nn.Sequential(nn.Identity(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)


class InPlace(nn.Module):
    """The end of torchvision's DenseNet: features x and -x, F.relu in place, their mean, a head."""

    def __init__(self) -> None:
        super().__init__()
        self.features, self.fc = conv([[[[1]]], [[[-1]]]]), linear([[1, 1], [0, 1]], [0, 0])

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(F.relu(self.features(images), inplace=True).mean((2, 3)))


class ConvNet(nn.Module):
    """Three convolutions, `norm`, ReLU, and a head of two layers; float64, circular padding.

    With `pooled` the head reads the mean over positions, which makes the network equivariant.
    """

    def __init__(self, pooled: bool = True, inplace: bool = False) -> None:
        super().__init__()
        around: dict[str, Any] = {"padding": 1, "padding_mode": "circular"}
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, **around), nn.ReLU(inplace))
        self.body = nn.Conv2d(6, 8, 3, **around)
        self.norm = nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace)
        self.last = nn.Conv2d(8, 8, 3, **around)
        self.pool = nn.AdaptiveAvgPool2d(1 if pooled else 3)
        self.head = nn.Sequential(
            nn.Flatten(), nn.Linear(8 if pooled else 72, 12), nn.ReLU(inplace), nn.Linear(12, 4)
        )
        self.double().eval()

    def forward(self, images: Tensor) -> Tensor:
        features = self.relu(self.norm(self.body(self.stem(images))))
        return self.head(self.pool(torch.tanh(self.last(features))))


def weights_of(
    model: nn.Module, images: Tensor, method: str, target: Any = 0, layer: Any = "0", **options: Any
) -> tuple[Tensor, camkit.Explanation]:
    """The channel weights (N, C) that a method gives, and its explanation."""
    function = get_registry().find("method", method).load()
    kept: list[Tensor] = []

    @wraps(function)
    def watched(probe: Any, **given: Any) -> Tensor:
        plain = probe.weighted_sum

        def noting(weights: Tensor) -> Tensor:
            kept.append(weights)
            return plain(weights)

        probe.weighted_sum = noting
        return function(probe, **given)

    explanation = camkit.explain(model, images, watched, target, layer, **options)
    (weights,) = kept
    return weights, explanation


def pictures(count: int = 2, side: int = 6) -> Tensor:
    return torch.randn(count, 3, side, side, dtype=torch.float64, generator=torch.manual_seed(1))
