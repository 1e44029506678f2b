"""ROAD: the class's probability after pixels were removed and their gaps filled."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .case import Case
from .perturbation import filled, ranks

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
NOISE = 0.01


def after_removal(
    case: Case, highest: bool, shares: Sequence[float] = SHARES, noise: float = NOISE
) -> Tensor:
    """The mean, over the shares, of the probability after that share of pixels is gone: (N,).

    Args:
        case: the maps.
        highest: whether the map's highest pixels go first, or its lowest.
        shares: of all pixels, in (0, 1).
        noise: deviation of what is added to the filled pixels.
    """
    found = []
    for index, image in enumerate(case.images):
        places = ranks(case.heatmaps[index] if highest else -case.heatmaps[index], case.seed)
        gone = torch.tensor([round(share * places.numel()) for share in shares])
        known = (places >= gone[:, None].to(places.device)).view(-1, *image.shape[1:])
        edits = filled(image, known, noise, case.seed)
        found.append(case.probabilities(index, edits, len(shares)).mean())
    return torch.stack(found)
