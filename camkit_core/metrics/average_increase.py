"""Increase in confidence (Chattopadhyay et al. 2018), https://arxiv.org/abs/1710.11063."""

from __future__ import annotations

from torch import Tensor

from .case import Case
from .masked import before_and_after


def average_increase(case: Case) -> Tensor:
    """Whether the image times its heatmap has a higher probability: 100 or 0, (N,).

    arXiv 1710.11063, section 4.2; the mean over images is in per cent, higher is better.

    Raises:
        TargetError: if the target is no class.
    """
    before, after = before_and_after(case)
    return 100 * (after > before).to(after)


average_increase.higher_is_better = True  # type: ignore[attr-defined]
