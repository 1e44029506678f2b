"""ADCC (Poppi et al. 2021), https://arxiv.org/abs/2104.10252."""

from __future__ import annotations

import torch
from torch import Tensor

from ..plugins.facts import Metric
from .average_drop import average_drop
from .case import Case
from .correlation import pearson


@Metric(
    higher_is_better=True,
    reading="Average drop, coherency and complexity in one harmonic mean. High: a small map that "
    "keeps the probability and explains itself.",
)
def adcc(case: Case) -> Tensor:
    """Average drop, coherency and complexity in one harmonic mean: (N,).

    arXiv 2104.10252, equations 2 to 5, for each image. Coherency is (1 + r) / 2, with Pearson's
    correlation r of the map and the map of the masked image. Complexity is the map's mean. From 0
    to 1, higher is better; nan where either map is constant.

    Raises:
        TargetError: if the target is no class.
    """
    drop = average_drop(case) / 100
    complexity = case.heatmaps.flatten(1).mean(1).to(drop)
    parts = torch.stack([coherency(case, "adcc").to(drop), 1 - complexity, 1 - drop])
    return 3 / (1 / parts).sum(0)


def coherency(case: Case, metric: str) -> Tensor:
    """How far each map is that of the image masked by it: (N,) in [0, 1]; nan of a constant map.

    Args:
        case: the maps.
        metric: whose part it is, for the note on constant maps.
    """
    masked = case.images * case.heatmaps[:, None].to(case.images)
    correlation = pearson(case.heatmaps.flatten(1), case.explained(masked).flatten(1))
    coherent = (1 + correlation.clamp(-1, 1)) / 2
    if bool(coherent.isnan().any()):
        case.note(
            f"{metric} is not defined for a map that is constant, or becomes so when it is applied"
        )
    return coherent
