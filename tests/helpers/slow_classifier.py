"""A classifier whose forward pass takes minutes, and its factory; it says when it has begun."""

from __future__ import annotations

import sys
import time

import torch
from torch import Tensor, nn

from helpers.tiny_classifier import NAMES, made

FACTORY = "helpers.slow_classifier:slow"  # as `--model` takes it
BEGUN = "the pass has begun"
_SECONDS = 120.0


class _Slow(nn.Module):
    """Calculates for minutes, and changes nothing."""

    def forward(self, images: Tensor) -> Tensor:
        sys.stderr.write(f"{BEGUN}\n")
        sys.stderr.flush()
        end = time.monotonic() + _SECONDS
        square = torch.rand(200, 200)
        while time.monotonic() < end:
            square = torch.mm(square, square) / 200
        return images


def slow() -> tuple[nn.Module, object, tuple[str, ...]]:
    """As `--model helpers.slow_classifier:slow` loads it."""
    network, transform, _ = made()
    return nn.Sequential(_Slow(), *network).eval(), transform, NAMES
