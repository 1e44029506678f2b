"""Networks of a few hundred weights for the kit; each names the layer to explain `layer`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from copy import deepcopy
from functools import cache
from typing import TypeVar

import torch
from torch import Tensor, nn

from ..forward.random_states import preserving_rng

CLASSES = 4
Network = TypeVar("Network", bound=nn.Module)
_attending: ContextVar[bool] = ContextVar("attending", default=False)


class ConvNet(nn.Module):
    """Two convolutions with batch norm, ReLU in place and dropout.

    Args:
        channels: of the layer.
        stride: 2 for a grid of half the input's size, 1 for a grid of the input's size.
    """

    def __init__(self, channels: int = 6, stride: int = 2) -> None:
        super().__init__()
        around = {"padding": 1, "padding_mode": "circular"}
        self.stem = nn.Sequential(
            nn.Conv2d(3, 5, 3, **around),  # type: ignore[arg-type]
            nn.BatchNorm2d(5),
            nn.ReLU(inplace=True),
        )
        self.layer = nn.Conv2d(5, channels, 3, stride, **around)  # type: ignore[arg-type]
        self.norm = nn.BatchNorm2d(channels)
        self.head = nn.Sequential(
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(),
            nn.Linear(channels, CLASSES),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Class scores (N, 4)."""
        scores: Tensor = self.head(self.norm(self.layer(self.stem(images))))
        return scores


class TokenNet(nn.Module):
    """Patches as tokens behind some prefix tokens; nothing mixes positions.

    Args:
        prefix: how many tokens come before the patches' tokens.
        patch: the side of a patch, in pixels.
    """

    def __init__(self, prefix: int = 1, patch: int = 4, width: int = 6) -> None:
        super().__init__()
        self.patch = patch
        self.prefix = nn.Parameter(torch.randn(1, prefix, width))
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.layer = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width))
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.GELU())
        self.head = nn.Linear(width, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """Class scores (N, 4)."""
        tokens = self.patches(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.prefix.expand(len(tokens), -1, -1), tokens], 1)
        scores: Tensor = self.head(self.mlp(self.layer(tokens)).mean(1))
        return scores

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """How many patches there are for images of a size."""
        return height // self.patch, width // self.patch


class AttentionNet(nn.Module):
    """Positions of a ConvNet's grid as tokens that attend to each other; the first token is read.

    Args:
        prefix: how many tokens come before the grid's tokens; with 0 the mean of all is read.
        stride: of the grid.
        channels: half of the channels of a token.
    """

    def __init__(self, prefix: int = 1, stride: int = 2, channels: int = 6) -> None:
        super().__init__()
        plain, width = ConvNet(channels, stride), 2 * channels
        self.stride = stride
        self.stem = plain.stem
        self.patches = nn.Conv2d(5, width, 3, stride, padding=1, padding_mode="circular")
        self.prefix = nn.Parameter(torch.randn(1, prefix, width))
        self.layer = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Dropout(), nn.Linear(width, CLASSES))

    def forward(self, images: Tensor) -> Tensor:
        """Class scores (N, 4)."""
        tokens = self.patches(self.stem(images)).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.prefix.expand(len(tokens), -1, -1), tokens], 1)
        normed = self.layer(tokens)
        tokens = tokens + self.attention(normed, normed, normed, need_weights=False)[0]
        scores: Tensor = self.head(tokens[:, 0] if self.prefix.shape[1] else tokens.mean(1))
        return scores

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """How many positions there are for images of a size."""
        return (height - 1) // self.stride + 1, (width - 1) // self.stride + 1


class Stumbling(nn.Module):
    """A network that raises an error of its own.

    Args:
        network: the network that runs.
        where: whether the error comes "before" or "after" the network has run.
    """

    def __init__(self, network: nn.Module, where: str) -> None:
        super().__init__()
        self.network, self.where = network, where
        self.layer = network.layer

    def forward(self, images: Tensor) -> Tensor:
        """Raise the error, each time."""
        if self.where == "after":
            self.network(images)
        raise Stumble


class Stumble(Exception):
    """The error of a stumbling network."""


@contextmanager
def seeded(seed: int = 0) -> Iterator[None]:
    """Random numbers from a seed, which leave the random states as they were."""
    with preserving_rng():
        torch.manual_seed(seed)
        yield


def conv_net(channels: int = 6, stride: int = 2) -> ConvNet:
    """A seeded network in evaluation mode whose norms have seen images."""
    return deepcopy(_conv_net(channels, stride, _attending.get()))


@cache
def _conv_net(channels: int, stride: int, attending: bool) -> ConvNet:
    with seeded():
        if attending:
            return _warm(AttentionNet(1, stride, channels))  # type: ignore[return-value]
        return _warm(ConvNet(channels, stride))


def token_net(prefix: int = 1, patch: int = 4) -> TokenNet:
    """A seeded network of tokens in evaluation mode."""
    with seeded(1):
        if _attending.get():
            return _warm(AttentionNet(prefix, patch))  # type: ignore[return-value]
        return TokenNet(prefix, patch).eval()


@contextmanager
def attending() -> Iterator[None]:
    """Give the networks inside attention, for methods that explain no other networks."""
    token = _attending.set(True)
    try:
        yield
    finally:
        _attending.reset(token)


def some_images(count: int = 2, height: int = 16, width: int = 16, seed: int = 3) -> Tensor:
    """Seeded images (count, 3, height, width)."""
    with seeded(seed):
        return torch.randn(count, 3, height, width)


def _warm(network: Network) -> Network:
    with torch.no_grad():
        for _ in range(3):
            network(torch.randn(8, 3, 16, 16))
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network.eval()
