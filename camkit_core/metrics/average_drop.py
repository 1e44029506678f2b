"""Average drop, increase and gain: the class's probability when an image is masked by its heatmap.

Chattopadhyay et al. 2018, https://arxiv.org/abs/1710.11063; the gain is of Zhang et al. 2023,
https://arxiv.org/abs/2301.07002.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..plugins.facts import Metric
from .case import Case


@Metric(
    higher_is_better=False,
    reading="The per cent of the class's probability that is lost when the image is multiplied by "
    "the map. Low is good, and easy for a map that keeps everything: see area.",
    rewards="area",
    unbeatable=("uniform",),  # the whole image keeps the whole probability
)
def average_drop(case: Case) -> Tensor:
    """The per cent of the class's probability that the masked image loses: (N,).

    arXiv 1710.11063, section 4.1: 100 max(0, Y - O) / Y, with Y of the image and O of the image
    times its heatmap; from 0 to 100, lower is better. A map that is one everywhere loses nothing,
    so look at `area` beside it.

    Raises:
        TargetError: if the target is no class.
    """
    before, after = _before_and_after(case)
    return 100 * (before - after).clamp(min=0) / before


@Metric(
    higher_is_better=True,
    reading="The per cent of images whose probability rises when the image is multiplied by the "
    "map.",
    rewards="area",
)
def average_increase(case: Case) -> Tensor:
    """Whether the image times its heatmap has a higher probability: 100 or 0, (N,).

    arXiv 1710.11063, section 4.2; the mean over images is in per cent, higher is better.

    Raises:
        TargetError: if the target is no class.
    """
    before, after = _before_and_after(case)
    return 100 * (after > before).to(after)


@Metric(
    higher_is_better=True,
    reading="The per cent of what is missing to certainty that is gained when the image is "
    "multiplied by the map.",
    rewards="area",
)
def average_gain(case: Case) -> Tensor:
    """The per cent of what is missing to certainty that the masked image gains: (N,).

    arXiv 2301.07002, section 4.1: 100 max(0, O - Y) / (1 - Y), with Y of the image and O of the
    image times its heatmap; from 0 to 100, higher is better; 0 where nothing is missing.

    Raises:
        TargetError: if the target is no class.
    """
    before, after = _before_and_after(case)
    gain, room = (after - before).clamp(min=0), 1 - before
    return 100 * torch.where(room > 0, gain / room, 0.0)


def _before_and_after(case: Case) -> tuple[Tensor, Tensor]:
    """The probabilities (N,) of the images, and of the images times their heatmaps."""
    pairs = []
    for index, (image, heat) in enumerate(zip(case.images, case.heatmaps, strict=True)):
        pairs.append(case.probabilities(index, [image, image * heat.to(image)], 2))
    before, after = torch.stack(pairs, 1)
    return before, after
