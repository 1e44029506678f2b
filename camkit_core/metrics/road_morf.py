"""ROAD, highest pixels first (Rong et al. 2022), https://arxiv.org/abs/2202.00449."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from .case import Case
from .removal import NOISE, SHARES, after_removal


def road_morf(case: Case, *, shares: Sequence[float] = SHARES, noise: float = NOISE) -> Tensor:
    """The class's probability after the map's highest pixels are removed and filled in: (N,).

    arXiv 2202.00449, sections 4.2 and 5; the mean over the shares; from 0 to 1, lower is better.

    Args:
        case: the maps.
        shares: of all pixels that are removed, each in (0, 1).
        noise: deviation of what is added to the filled pixels.

    Raises:
        InputError: for signals and volumes.
        TargetError: if the target is no class.
    """
    return after_removal(case, True, shares, noise)


road_morf.higher_is_better = False  # type: ignore[attr-defined]
