"""ROAD, both ways combined (Rong et al. 2022), https://arxiv.org/abs/2202.00449."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from .case import Case
from .removal import NOISE, SHARES, after_removal


def road(case: Case, *, shares: Sequence[float] = SHARES, noise: float = NOISE) -> Tensor:
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
    lowest, highest = (after_removal(case, first, shares, noise) for first in (False, True))
    return (lowest - highest) / 2


road.higher_is_better = True  # type: ignore[attr-defined]
