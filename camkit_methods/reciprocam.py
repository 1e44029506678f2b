"""Recipro-CAM (Byun & Lee 2022), https://arxiv.org/abs/2209.14074."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor

from camkit_core import Method, Probe, unit_range


@Method(group="gradient-free", cost="1 run, tail per position", needs="tail")
def reciprocam(
    probe: Probe,
    *,
    score: Literal["probability", "score"] = "probability",
    gaussian: bool = False,
) -> Tensor:
    """Score the network when it sees the activations of one position only: no gradient.

    arXiv 2209.14074. A transformer's prefix tokens are kept, as in arXiv 2310.02588.

    Args:
        probe: the forward pass.
        score: "probability" for the class's softmax probability, as in the authors' code; "score"
            for the target's score. A target that is no class always takes its score.
        gaussian: weigh the position by 1/4, and its neighbours by 1/8 and 1/16.

    Returns:
        The scores stretched to [0, 1], as in the paper: (N, h, w).
    """
    classes = probe.targets.classes is not None
    scoring = probe.of_probabilities() if score == "probability" and classes else probe
    grid = probe.activations.shape[2:]
    count = grid.numel()
    masks = _windows(grid, probe.activations) if gaussian else _points(grid, probe.activations)
    scores = scoring.masked_scores(masks, count, ("positions", gaussian))
    return unit_range(scores.T.reshape(-1, *grid))


def _points(grid: torch.Size, like: Tensor) -> Iterator[Tensor]:
    """For each position, a mask that is 1 there alone."""
    for position in range(grid.numel()):
        mask = like.new_zeros(grid.numel())
        mask[position] = 1
        yield mask.view(grid)


def _windows(grid: torch.Size, like: Tensor) -> Iterator[Tensor]:
    """For each position, a mask that falls from there over two positions in each direction."""
    sides = [torch.arange(side, device=like.device) for side in grid]
    for position in torch.cartesian_prod(*sides).view(-1, len(grid)):
        mask = like.new_ones(())
        for axis, side in enumerate(sides):
            near = (0.5 - (side - position[axis]).abs() / 4).clamp(min=0)
            near = near * ((side - position[axis]).abs() < 2)
            mask = mask[..., None] * near.to(like)
        yield mask
