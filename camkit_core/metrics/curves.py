"""The class's probability while an image is uncovered or covered, pixel by pixel."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from .case import Case
from .perturbation import ranks


def curve_area(
    case: Case, steps: int, start: Callable[[Tensor], Tensor], end: Callable[[Tensor], Tensor]
) -> Tensor:
    """The area under the probability of the class from `start` to `end` of each image: (N,).

    The pixels of `end` come in by the map's falling values, in `steps` parts of one size. The area
    is that of straight lines between the parts, over an axis from 0 to 1 (arXiv 1806.07421,
    Algorithm 1).

    Args:
        case: the maps.
        steps: how many parts.
        start: from an image (C, H, W) to what the curve begins with.
        end: to what it ends with.
    """
    areas = []
    for index, image in enumerate(case.images):
        places = ranks(case.heatmaps[index], case.seed)
        first, last = start(image), end(image)
        edits = _versions(first, last, places.view(image.shape[1:]), steps)
        curve = case.probabilities(index, edits, steps + 1)
        areas.append((curve[1:] + curve[:-1]).sum() / (2 * steps))
    return torch.stack(areas)


def _versions(first: Tensor, last: Tensor, places: Tensor, steps: int) -> Iterator[Tensor]:
    for step in range(steps + 1):
        yield torch.where(places < round(step * places.numel() / steps), last, first)
