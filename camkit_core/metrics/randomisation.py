"""Cascading randomisation of the weights (Adebayo et al. 2018), https://arxiv.org/abs/1810.03292."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor

from ..plugins.facts import Metric
from .case import Case
from .correlation import average_ranks, pearson


@Metric(
    higher_is_better=False,
    check=True,
    limit=0.8,
    failure="fails the randomisation check: its maps stay alike ({value}) when the weights are "
    "randomised, so they do not show what the model learned",
    reading="The rank correlation of the map with those of a model whose weights are more and more "
    "shuffled. Near 1: it does not show what the model learned.",
)
def randomisation(case: Case, *, depths: Annotated[int, Interval(ge=1, le=1000)] = 4) -> Tensor:
    """How alike the heatmap stays when the network's weights are randomised: (N,).

    arXiv 1810.03292, section 3: Spearman's correlation of the heatmap and that of the network whose
    weights are shuffled from the output on, the mean over the depths; from -1 to 1, lower is
    better. A map that stays the same shows nothing of what the network learned. A heatmap that
    becomes empty or constant counts as 0; nan where it is so from the start.

    Args:
        case: the maps.
        depths: at how many depths the heatmap is made again.
    """
    trained = average_ranks(case.heatmaps.flatten(1))
    constant = (trained == trained[:, :1]).all(1)
    if bool(constant.any()):
        case.note("randomisation is not defined for a heatmap that is the same everywhere")
    shuffled = (average_ranks(heatmaps.flatten(1)) for _, heatmaps in case.randomised(depths))
    correlations = torch.stack([pearson(trained, ranks) for ranks in shuffled])
    mean = correlations.nan_to_num(0).mean(0)
    return torch.where(constant, torch.nan, mean)
