"""Insertion and deletion (Petsiuk et al. 2018), https://arxiv.org/abs/1806.07421."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Literal

import torch
from annotated_types import Interval
from torch import Tensor

from ..plugins.facts import Metric
from .case import Case
from .image_edits import ranks, soft

Baseline = Literal["blur", "zero"]


def inserted(
    image: Tensor, heatmap: Tensor, share: float, seed: int, *, baseline: Baseline = "blur"
) -> Tensor:
    """An image (C, H, W) of which only the highest pixels of its heatmap (H, W) are there."""
    return _at_share(_covered(baseline)(image), image, heatmap, share, seed)


def deleted(
    image: Tensor, heatmap: Tensor, share: float, seed: int, *, baseline: Baseline = "zero"
) -> Tensor:
    """An image (C, H, W) of which the highest pixels of its heatmap (H, W) are gone."""
    return _at_share(image, _covered(baseline)(image), heatmap, share, seed)


@Metric(
    higher_is_better=True,
    reading="The class's mean probability while the blurred image becomes clear, the map's highest "
    "pixels first. High: what the map names first is enough for the class.",
    edit=inserted,
)
def insertion(
    case: Case,
    *,
    steps: Annotated[int, Interval(ge=1, le=1_000_000)] = 32,
    baseline: Baseline = "blur",
) -> Tensor:
    """How soon the class is seen when the map's highest pixels come in first: an area, (N,).

    arXiv 1806.07421, Algorithm 1; from 0 to 1, higher is better.

    Args:
        case: the maps.
        steps: parts in which the pixels come in.
        baseline: the image that they come into: the blurred image, as in the paper, or "zero".

    Raises:
        TargetError: if the target is no class.
    """
    return _curve_area(case, steps, _covered(baseline), lambda image: image)


@Metric(
    higher_is_better=False,
    reading="The class's mean probability while the image is covered, the map's highest pixels "
    "first. Low: what the map names first is needed for the class.",
    edit=deleted,
)
def deletion(
    case: Case,
    *,
    steps: Annotated[int, Interval(ge=1, le=1_000_000)] = 32,
    baseline: Baseline = "zero",
) -> Tensor:
    """How soon the class is lost when the map's highest pixels go first: an area, (N,).

    arXiv 1806.07421, Algorithm 1; from 0 to 1, lower is better.

    Args:
        case: the maps.
        steps: parts in which the pixels go.
        baseline: the image that is left: "zero", as in the paper, which is grey for normalised
            images; or the blurred image.

    Raises:
        TargetError: if the target is no class.
    """
    return _curve_area(case, steps, lambda image: image, _covered(baseline))


def _covered(baseline: Baseline) -> Callable[[Tensor], Tensor]:
    """From an image to the image without anything to be seen."""
    return torch.zeros_like if baseline == "zero" else soft


def _at_share(first: Tensor, last: Tensor, heatmap: Tensor, share: float, seed: int) -> Tensor:
    order = ranks(heatmap, seed).view(heatmap.shape)
    return torch.where(order < round(share * order.numel()), last, first)


def _curve_area(
    case: Case, steps: int, start: Callable[[Tensor], Tensor], end: Callable[[Tensor], Tensor]
) -> Tensor:
    """The area under the probability of the class from `start` to `end` of each image: (N,).

    The pixels of `end` come in by falling values of the map, in `steps` parts of equal size. The
    area is that under straight lines between the parts, over an axis from 0 to 1 (Algorithm 1).

    Args:
        case: the maps.
        steps: how many parts.
        start: from an image (C, H, W) to the first image of the curve.
        end: from an image to the last image of the curve.
    """
    areas = []
    for index, image in enumerate(case.images):
        order = ranks(case.heatmaps[index], case.seed).view(image.shape[1:])
        edits = _versions(start(image), end(image), order, steps)
        curve = case.probabilities(index, edits, steps + 1)
        areas.append((curve[1:] + curve[:-1]).sum() / (2 * steps))
    return torch.stack(areas)


def _versions(first: Tensor, last: Tensor, order: Tensor, steps: int) -> Iterator[Tensor]:
    for step in range(steps + 1):
        yield torch.where(order < round(step * order.numel() / steps), last, first)
