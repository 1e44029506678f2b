"""Finer-CAM (Zhang et al. 2025), https://arxiv.org/abs/2501.11309."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from annotated_types import Interval
from torch import Tensor

from camkit_core import Method, Probe


@Method(group="gradient", cost="1 run")
def finercam(
    probe: Probe,
    *,
    alpha: Annotated[float, Interval(gt=-float("inf"), lt=float("inf"))] = 0.6,
    references: Annotated[int, Interval(ge=1, le=1_000_000)] = 3,
    variant: Literal["mean", "weighted"] = "mean",
) -> Tensor:
    """Grad-CAM of what sets the class apart from those whose logits are the nearest.

    arXiv 2501.11309: the score is y_c - alpha y_d, averaged over the references d.

    Args:
        probe: the forward pass.
        alpha: the factor of the references that are subtracted; with 0 it is Grad-CAM.
        references: how many classes it is compared with; all others if there are fewer.
        variant: "mean" weights all references alike; "weighted" by the softmax probability, which
            has a gradient, too, as in the authors' code and in pytorch-grad-cam.

    Returns:
        The map (N, h, w), signed. A target that is no class has no references: it gets Grad-CAM's
        map, and a warning.
    """

    def contrast(logits: Tensor, category: int) -> Tensor:
        distance = (logits.detach() - logits.detach()[category]).abs()
        distance[category] = float("inf")
        near = distance.topk(min(references, len(logits) - 1), largest=False).indices
        shares = logits.softmax(0)[near] if variant == "weighted" else torch.ones_like(logits[near])
        return (shares * (logits[category] - alpha * logits[near])).sum() / shares.sum()

    contrasted = probe
    if probe.targets.classes is None:
        probe.warn("Finer-CAM compares classes; of a target that is none it gave Grad-CAM")
    else:
        contrasted = probe.of_logits(contrast)
    return probe.weighted_sum(contrasted.gradients.mean(probe.spatial_axes))
