"""From a layer's output to (N, C, h, w), under pytorch-grad-cam's names."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Tensor


def fasterrcnn_reshape_transform(x: Mapping[str, Tensor]) -> Tensor:
    """The levels of a feature pyramid at the size of the coarsest: absolute values, (N, 5C, h, w).

    Args:
        x: what the backbone of torchvision's Faster R-CNN returns.
    """
    size = x["pool"].shape[-2:]
    return torch.cat([F.interpolate(level.abs(), size, mode="bilinear") for level in x.values()], 1)


def _grid(tokens: Tensor, height: int, width: int) -> Tensor:
    return tokens.reshape(len(tokens), height, width, tokens.shape[2]).permute(0, 3, 1, 2)


# The names of arguments are those that calls give.
def swinT_reshape_transform(tensor: Tensor, height: int = 7, width: int = 7) -> Tensor:  # noqa: N802
    """Tokens (N, height * width, C) as (N, C, height, width)."""
    return _grid(tensor, height, width)


def vit_reshape_transform(tensor: Tensor, height: int = 14, width: int = 14) -> Tensor:
    """Tokens after a class token (N, 1 + height * width, C) as (N, C, height, width)."""
    return _grid(tensor[:, 1:], height, width)
