"""Average gain (Zhang et al. 2023), https://arxiv.org/abs/2301.07002."""

from __future__ import annotations

import torch
from torch import Tensor

from .case import Case
from .masked import before_and_after


def average_gain(case: Case) -> Tensor:
    """The per cent of what is missing to certainty that the masked image gains: (N,).

    arXiv 2301.07002, section 4.1: 100 max(0, O - Y) / (1 - Y), with Y of the image and O of the
    image times its heatmap; from 0 to 100, higher is better; 0 where nothing is missing.

    Raises:
        TargetError: if the target is no class.
    """
    before, after = before_and_after(case)
    gain, room = (after - before).clamp(min=0), 1 - before
    return 100 * torch.where(room > 0, gain / room, 0.0)


average_gain.higher_is_better = True  # type: ignore[attr-defined]
