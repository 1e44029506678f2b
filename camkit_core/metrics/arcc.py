"""ARCC (Domeniconi et al. 2026), https://arxiv.org/abs/2605.14641."""

from __future__ import annotations

import torch
from torch import Tensor

from ..plugins.facts import Metric
from .adcc import coherency
from .case import Case
from .road import NOISE, Noise, Shares, road

SHARES = (0.2, 0.4, 0.6, 0.8)


@Metric(
    higher_is_better=True,
    reading="ROAD, coherency and complexity in one harmonic mean. High: a small map whose order is "
    "that of importance, and that explains itself; 0: its order is no better than any.",
)
def arcc(case: Case, *, shares: Shares = SHARES, noise: Noise = NOISE) -> Tensor:
    """ROAD, coherency and complexity in one harmonic mean: (N,).

    arXiv 2605.14641: ADCC (arXiv 2104.10252) with ROAD in place of average drop, doubled and cut
    to [0, 1], as in the authors' code and pytorch-grad-cam. From 0 to 1, higher is better; nan
    where the map, or that of the masked image, is constant.

    Args:
        case: the maps.
        shares: of all pixels that ROAD removes, each in (0, 1).
        noise: deviation of what ROAD adds to the filled pixels.

    Raises:
        InputError: for signals and volumes.
        TargetError: if the target is no class.
    """
    removal = (2 * road(case, shares=shares, noise=noise)).clamp(0, 1)
    complexity = case.heatmaps.flatten(1).mean(1).to(removal)
    parts = torch.stack([coherency(case, "arcc").to(removal), 1 - complexity, removal])
    return 3 / (1 / parts).sum(0)
