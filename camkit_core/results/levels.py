"""The levels of a pyramid: what each contributes to a score, and their maps joined."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import LayerError
from ..inputs.targets.questions import no_class
from ..maps import unit_size, upsample
from ..probe.probe import Probe


def shares_of(levels: Sequence[Probe], needs_class: bool) -> Tensor:
    """What each of L levels contributes to the score of each image: (L, N), 1 in sum.

    A level's contribution is the sum of the absolute values of gradient times activation over its
    grid. It is the same whatever the method, and 0 for a level that the score does not read. All
    shares are equal where no level contributes anything, or a method asks for no class.

    Args:
        levels: a probe of one target for each level.
        needs_class: whether the method asks for a class.
    """
    equal = levels[0].scores.new_full((len(levels), len(levels[0].images)), 1 / len(levels))
    if not needs_class or no_class in levels[0].targets.functions:
        return equal
    try:
        parts = torch.stack([_contribution(probe) for probe in levels])
    except LayerError:
        return equal  # a score without a gradient, of a method that needs none
    total = parts.sum(0)
    return torch.where(total > 0, parts / total, equal)


def _contribution(probe: Probe) -> Tensor:
    return (probe.gradients * probe.activations).abs().flatten(1).sum(1)


def weighted_levels(maps: Sequence[Tensor], shares: Tensor, fuse: str = "mean") -> Tensor:
    """The maps of L levels as one, at the finest grid: (N, h, w).

    Each map is divided by its own largest absolute value, and weighted by its share.

    Args:
        maps: L of (N, h, w), of different sizes.
        shares: (L, N).
        fuse: "mean" for their sum, as the shares add up to 1, or "max" for the greatest.
    """
    finest = max((cam.shape[1:] for cam in maps), key=math.prod)
    sized = torch.stack([upsample(unit_size(cam), finest) for cam in maps])
    weights = shares.to(sized).view(*shares.shape, *[1] * len(finest))
    return (weights * sized).amax(0) if fuse == "max" else (weights * sized).sum(0)
