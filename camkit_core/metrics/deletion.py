"""Deletion (Petsiuk et al. 2018), https://arxiv.org/abs/1806.07421."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from .case import Case
from .curves import curve_area
from .perturbation import soft


def deletion(case: Case, *, steps: int = 32, baseline: Literal["zero", "blur"] = "zero") -> Tensor:
    """How soon the class is lost when the map's highest pixels go first: an area, (N,).

    arXiv 1806.07421, Algorithm 1; from 0 to 1, lower is better.

    Args:
        case: the maps.
        steps: parts in which the pixels go.
        baseline: what is left: "zero", which is grey for normalised images, as in the paper; or
            the image under a Gaussian.

    Raises:
        TargetError: if the target is no class.
    """
    end = torch.zeros_like if baseline == "zero" else soft
    return curve_area(case, steps, lambda image: image, end)


deletion.higher_is_better = False  # type: ignore[attr-defined]
