"""Each situation of torch-cam's public tests, in torch-cam 0.5 and in camkit's form of it.

A test of `library` runs twice, and holds for both.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

Library = Callable[[str], ModuleType]


@pytest.fixture(params=["torchcam", "camkit_methods.compat.torchcam"], ids=["theirs", "ours"])
def library(request: pytest.FixtureRequest) -> Library:
    """From the name of a module to that module of one of the two libraries."""
    pytest.importorskip("torchcam", minversion="0.5")
    name = request.param
    return lambda module: import_module(f"{name}.{module}")


@pytest.fixture
def methods(library: Library) -> ModuleType:
    """The extractors of one of the two libraries."""
    return library("methods")


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def _small(conv: Any, pool: Any, norm: Any = None) -> nn.Sequential:
    features = nn.Sequential(
        conv(3, 6, 3, padding=1), nn.ReLU(), conv(6, 8, 3, padding=1), nn.ReLU(), pool(1)
    )
    return nn.Sequential(features, nn.Flatten(1), nn.Linear(8, 3)).eval()


@pytest.fixture
def net() -> nn.Sequential:
    """Features "0.0" to "0.4", of which "0.3" is the last grid, and a classifier of 3 classes."""
    return _small(nn.Conv2d, nn.AdaptiveAvgPool2d)


@pytest.fixture
def video_net() -> nn.Sequential:
    """The same for videos."""
    return _small(nn.Conv3d, nn.AdaptiveAvgPool3d)


@pytest.fixture
def images() -> Tensor:
    """Two images."""
    return torch.rand(2, 3, 8, 8)


@pytest.fixture
def video() -> Tensor:
    """One video."""
    return torch.rand(1, 3, 4, 8, 8)


class Structured(nn.Module):
    """Gives a list of a dict for each sample."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 2, 1)

    def forward(self, images: Tensor) -> list[dict[str, Tensor]]:
        rows = self.features(images).flatten(2).mean(-1)
        return [{"first": row[0], "second": row[1]} for row in rows]


@pytest.fixture
def structured() -> Structured:
    """A model whose output is no tensor."""
    return Structured().eval()


def valid(cam: Any, shape: tuple[int, ...]) -> bool:
    """Whether it is a map of that shape, and of numbers."""
    return isinstance(cam, Tensor) and cam.shape == shape and bool(cam.isfinite().all())


def hook_count(model: nn.Module) -> int:
    """How many hooks there are on the whole model."""
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


class Block(nn.Module):
    """A block of 8 channels and two heads; its call of the attention can be replaced."""

    def __init__(self, attend: Any = None, **settings: Any) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(8)
        made = {"dropout": 0.0, "batch_first": True} | settings
        self.self_attention = nn.MultiheadAttention(8, 2, **made)
        self.mlp = nn.Linear(8, 8)
        self.attend = attend or (lambda layer, x: layer(x, x, x, need_weights=False))

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.norm(tokens)
        tokens = tokens + self.attend(self.self_attention, x)[0]
        return tokens + self.mlp(tokens).tanh()


class Small(nn.Module):
    """A transformer of such blocks, on patches of one pixel."""

    def __init__(self, prefix: int = 1, blocks: int = 2, **settings: Any) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 1)
        self.prefix = nn.Parameter(torch.randn(1, prefix, 8))
        self.blocks = nn.ModuleList(Block(**settings) for _ in range(blocks))
        self.norm, self.head = nn.LayerNorm(8), nn.Linear(8, 3)

    def project(self, tokens: Tensor) -> Tensor:
        return self.head(self.norm(tokens.mean(1)))

    def forward(self, images: Tensor) -> Tensor:
        patches = self.patches(images).flatten(2).transpose(1, 2)
        tokens = torch.cat((self.prefix.expand(len(images), -1, -1), patches), 1)
        for block in self.blocks:
            tokens = block(tokens)
        return self.project(tokens)
