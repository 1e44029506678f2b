"""ROAD (Rong et al. 2022), https://arxiv.org/abs/2202.00449: pixels removed, their gaps filled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from annotated_types import Interval, MinLen
from torch import Tensor

from ..plugins.facts import Metric
from .case import Case
from .image_edits import filled, ranks

Shares = Annotated[Sequence[Annotated[float, Interval(gt=0, lt=1)]], MinLen(1)]
Noise = Annotated[float, Interval(ge=0, lt=float("inf"))]
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
NOISE = 0.01


def without_highest(
    image: Tensor, heatmap: Tensor, share: float, seed: int, *, noise: Noise = NOISE
) -> Tensor:
    """An image (C, H, W) after the highest pixels of its heatmap (H, W) are filled in."""
    return _removed(image, heatmap, (share,), noise, seed)[0]


def without_lowest(
    image: Tensor, heatmap: Tensor, share: float, seed: int, *, noise: Noise = NOISE
) -> Tensor:
    """An image (C, H, W) after the lowest pixels of its heatmap (H, W) are filled in."""
    return _removed(image, -heatmap, (share,), noise, seed)[0]


@Metric(
    higher_is_better=True,
    reading="Half of the probability without the lowest pixels, less that without the highest, the "
    "gaps filled from their surroundings. High: the map's order is that of importance; 0: it is "
    "no better than any.",
    edit=without_highest,
)
def road(case: Case, *, shares: Shares = SHARES, noise: Noise = NOISE) -> Tensor:
    """Half of what the lowest pixels' removal leaves, less what the highest pixels' leaves: (N,).

    arXiv 2202.00449, combined as in pytorch-grad-cam; from -0.5 to 0.5, higher is better, and 0
    is the value of any order that says nothing.

    Args:
        case: the maps.
        shares: of all pixels that are removed, each in (0, 1).
        noise: deviation of what is added to the filled pixels.

    Raises:
        InputError: for signals and volumes.
        TargetError: if the target is no class.
    """
    lowest, highest = (_after_removal(case, first, shares, noise) for first in (False, True))
    return (lowest - highest) / 2


@Metric(
    higher_is_better=False,
    reading="The class's mean probability without the highest pixels, the gaps filled from their "
    "surroundings. Low: they were needed.",
    edit=without_highest,
)
def road_morf(case: Case, *, shares: Shares = SHARES, noise: Noise = NOISE) -> Tensor:
    """The class's probability after the map's highest pixels are removed and filled in: (N,).

    arXiv 2202.00449, sections 4.2 and 5; the mean over the shares; from 0 to 1, lower is better.
    Arguments and errors are those of `road`.
    """
    return _after_removal(case, True, shares, noise)


@Metric(
    higher_is_better=True,
    reading="The class's mean probability without the lowest pixels, the gaps filled from their "
    "surroundings. High: they were not needed.",
    edit=without_lowest,
)
def road_lerf(case: Case, *, shares: Shares = SHARES, noise: Noise = NOISE) -> Tensor:
    """The class's probability after the map's lowest pixels are removed and filled in: (N,).

    arXiv 2202.00449, sections 4.2 and 5; the mean over the shares; from 0 to 1, higher is better.
    Arguments and errors are those of `road`.
    """
    return _after_removal(case, False, shares, noise)


def _after_removal(
    case: Case, highest_first: bool, shares: Sequence[float], noise: float
) -> Tensor:
    """The mean, over the shares, of the probability after that share of pixels is gone: (N,)."""
    means = []
    for index, image in enumerate(case.images):
        heatmap = case.heatmaps[index]
        edits = _removed(image, heatmap if highest_first else -heatmap, shares, noise, case.seed)
        means.append(case.probabilities(index, edits, len(shares)).mean())
    return torch.stack(means)


def _removed(
    image: Tensor, heatmap: Tensor, shares: Sequence[float], noise: float, seed: int
) -> Tensor:
    """Versions (M, C, H, W) of an image: a share of its pixels, the highest, is filled in."""
    order = ranks(heatmap, seed)
    counts = torch.tensor([round(share * order.numel()) for share in shares], device="cpu")
    kept = (order >= counts[:, None].to(order.device)).view(-1, *image.shape[1:])
    return filled(image, kept, noise, seed)
