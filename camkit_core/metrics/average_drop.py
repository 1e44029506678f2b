"""Average drop (Chattopadhyay et al. 2018), https://arxiv.org/abs/1710.11063."""

from __future__ import annotations

from torch import Tensor

from .case import Case
from .masked import before_and_after


def average_drop(case: Case) -> Tensor:
    """The per cent of the class's probability that the masked image loses: (N,).

    arXiv 1710.11063, section 4.1: 100 max(0, Y - O) / Y, with Y of the image and O of the image
    times its heatmap; from 0 to 100, lower is better. A map that is one everywhere loses nothing,
    so look at `area` beside it.

    Raises:
        TargetError: if the target is no class.
    """
    before, after = before_and_after(case)
    return 100 * (before - after).clamp(min=0) / before


average_drop.higher_is_better = False  # type: ignore[attr-defined]
