"""Group-CAM (Zhang et al. 2021), https://arxiv.org/abs/2103.13859."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from annotated_types import Interval
from torch import Tensor

from camkit_core import Method, Probe, blurred, unit_range, upsample

_BLUR = "moved round its edges, an image has another blur near them"


@Method(
    group="gradient-free",
    cost="1 run per group",
    expected_failures={"place": _BLUR, "layouts": _BLUR},
)
def groupcam(
    probe: Probe,
    *,
    groups: Annotated[int, Interval(ge=1, le=1_000_000)] = 32,
    percentile: Annotated[float, Interval(ge=0, le=100)] = 70.0,
    score: Literal["probability", "score"] = "probability",
) -> Tensor:
    """Weight groups of channels by what the image gains, seen through them, over a blurred one.

    arXiv 2103.13859. A group's mask is the ReLU of the group's part of Grad-CAM, without its weaker
    positions. Outside the mask the image is blurred (51 pixels, sigma 50).

    Args:
        probe: the forward pass.
        groups: the number of groups that the channels are split into, in order.
        percentile: the percentile of a group's values below which a position counts as noise.
        score: "probability" for the class's softmax probability, as in the authors' code; "score"
            for the target's score. A target that is no class always takes its score.

    Returns:
        The map (N, H, W), at the images' size.
    """
    classes = probe.targets.classes is not None
    scoring = probe.of_probabilities() if score == "probability" and classes else probe
    weights = probe.gradients.mean(probe.spatial_axes, keepdim=True)
    split = (weights * probe.activations).chunk(groups, 1)
    parts = torch.stack([part.sum(1).relu() for part in split], 1)
    least = parts.flatten(2).quantile(percentile / 100, dim=2)
    parts = parts * (parts > least.view(*least.shape, *[1] * (parts.ndim - 2)))
    rows: list[Tensor] = []
    blurs = blurred(probe.images, 25, 50.0)
    for image, blurry, maps in zip(probe.images, blurs, parts, strict=True):
        masks = unit_range(upsample(maps, image.shape[1:]))
        edits = (blurry + (image - blurry) * mask for mask in [0 * masks[0], *masks])
        scores = scoring.input_scores(len(rows), edits, len(masks) + 1)
        rows.append(torch.tensordot(scores[1:] - scores[0], masks, 1))
    return torch.stack(rows)
