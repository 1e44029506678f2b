"""Cascading randomisation of the weights (Adebayo et al. 2018), https://arxiv.org/abs/1810.03292."""

from __future__ import annotations

import torch
from torch import Tensor

from .case import Case


def randomisation(case: Case, *, depths: int = 4) -> Tensor:
    """How alike the heatmap stays when the network's weights are randomised: (N,).

    arXiv 1810.03292, section 3: Spearman's correlation of the heatmap and that of the network whose
    weights are shuffled from the output on, the mean over the depths; from -1 to 1, lower is
    better. A map that stays the same shows nothing of what the network learned. A heatmap that
    becomes empty or constant counts as 0; nan where it is so from the start.

    Args:
        case: the maps.
        depths: at how many depths the heatmap is made again.
    """
    own = _ranks(case.heatmaps)
    if bool((own.norm(dim=1) == 0).any()):
        case.note("randomisation is not defined for a heatmap that is the same everywhere")
    alike = [_correlation(own, _ranks(heats)) for _, heats in case.randomised(depths)]
    found = torch.stack(alike).nan_to_num(0).mean(0)
    return torch.where(own.norm(dim=1) > 0, found, torch.nan)


randomisation.higher_is_better = False  # type: ignore[attr-defined]


def _ranks(heats: Tensor) -> Tensor:
    """Each map's ranks about their mean: (N, P); equal values share the mean of theirs."""
    rows = []
    for flat in heats.flatten(1).double():
        _, group, counts = flat.unique(return_inverse=True, return_counts=True)
        last = counts.cumsum(0).double()
        rows.append((last - (counts - 1) / 2)[group])
    ranks = torch.stack(rows)
    return ranks - ranks.mean(1, keepdim=True)


def _correlation(one: Tensor, other: Tensor) -> Tensor:
    size: Tensor = one.norm(dim=1) * other.norm(dim=1)
    return (one * other).sum(1) / size
