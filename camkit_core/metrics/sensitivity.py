"""Max-sensitivity (Yeh et al. 2019), https://arxiv.org/abs/1901.09392."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor

from ..plugins.facts import Metric
from .case import Case


@Metric(
    higher_is_better=False,
    reading="How far the map moves when the image changes a little. Low: it is stable, as any map "
    "is that ignores the model.",
    unbeatable=("*",),  # a baseline does not move with the model
)
def sensitivity(
    case: Case,
    *,
    radius: Annotated[float, Interval(ge=0, lt=float("inf"))] = 0.02,
    samples: Annotated[int, Interval(ge=1, le=1_000_000)] = 10,
) -> Tensor:
    """How far the heatmap moves, at most, when the image changes a little: (N,).

    arXiv 1901.09392, definition 3, relative to the size of the heatmap as in captum: the greatest
    of |E(x + d) - E(x)| / |E(x)|, d uniform in [-radius, radius] for each value; from 0 on, lower
    is better. A map that ignores the model has 0: see `randomisation`.

    Args:
        case: the maps.
        radius: the largest change of a value, in the units of the images.
        samples: how many changes are tried, the same for each image.
    """
    generator = torch.Generator().manual_seed(case.seed)
    size = case.heatmaps.flatten(1).norm(dim=1)
    largest = torch.zeros_like(size)
    for _ in range(samples):
        noise = (
            torch.rand(
                case.images.shape[1:], generator=generator, dtype=torch.float32, device="cpu"
            )
            * 2
            - 1
        )
        moved = case.explained(case.images + radius * noise.to(case.images)) - case.heatmaps
        largest = torch.maximum(largest, moved.flatten(1).norm(dim=1))
    if bool((size == 0).any()):
        case.note("sensitivity is not defined for a heatmap that is zero everywhere")
    return torch.where(size > 0, largest / size, torch.nan)
