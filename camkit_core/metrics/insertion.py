"""Insertion (Petsiuk et al. 2018), https://arxiv.org/abs/1806.07421."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from .case import Case
from .curves import curve_area
from .perturbation import soft


def insertion(case: Case, *, steps: int = 32, baseline: Literal["blur", "zero"] = "blur") -> Tensor:
    """How soon the class is seen when the map's highest pixels come in first: an area, (N,).

    arXiv 1806.07421, Algorithm 1; from 0 to 1, higher is better.

    Args:
        case: the maps.
        steps: parts in which the pixels come in.
        baseline: what they come into: the image under a Gaussian, as in the paper, or "zero".

    Raises:
        TargetError: if the target is no class.
    """
    start = soft if baseline == "blur" else torch.zeros_like
    return curve_area(case, steps, start, lambda image: image)


insertion.higher_is_better = True  # type: ignore[attr-defined]
