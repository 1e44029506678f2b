"""The class's probability before and after an image is multiplied by its heatmap."""

from __future__ import annotations

import torch
from torch import Tensor

from .case import Case


def before_and_after(case: Case) -> tuple[Tensor, Tensor]:
    """The probabilities (N,) of the images, and of the images times their heatmaps."""
    pairs = []
    for index, (image, heat) in enumerate(zip(case.images, case.heatmaps, strict=True)):
        pairs.append(case.probabilities(index, [image, image * heat.to(image)], 2))
    before, after = torch.stack(pairs, 1)
    return before, after
