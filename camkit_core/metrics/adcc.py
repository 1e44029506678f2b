"""ADCC (Poppi et al. 2021), https://arxiv.org/abs/2104.10252."""

from __future__ import annotations

import torch
from torch import Tensor

from .average_drop import average_drop
from .case import Case


def adcc(case: Case) -> Tensor:
    """Average drop, coherency and complexity in one harmonic mean: (N,).

    arXiv 2104.10252, equations 2 to 5, for each image: coherency is Pearson's correlation r of the
    map and of the map of the image times its heatmap, as (1 + r) / 2; complexity the map's mean;
    from 0 to 1, higher is better; nan where either map is constant.

    Raises:
        TargetError: if the target is no class.
    """
    drop = average_drop(case) / 100
    complexity = case.heatmaps.flatten(1).mean(1).to(drop)
    masked = case.images * case.heatmaps[:, None].to(case.images)
    correlation = _pearson(case.heatmaps.flatten(1), case.explained(masked).flatten(1)).to(drop)
    if bool(correlation.isnan().any()):
        case.note(
            "adcc is not defined for a map that is constant, or becomes so when it is applied"
        )
    parts = torch.stack([(1 + correlation) / 2, 1 - complexity, 1 - drop])
    return 3 / (1 / parts).sum(0)


adcc.higher_is_better = True  # type: ignore[attr-defined]


def _pearson(one: Tensor, other: Tensor) -> Tensor:
    """Of the rows of two (N, P); nan where a row is constant."""
    one, other = (rows - rows.mean(1, keepdim=True) for rows in (one, other))
    size = one.norm(dim=1) * other.norm(dim=1)
    return torch.where(size > 0, (one * other).sum(1) / size, torch.nan).clamp(-1, 1)
