"""Finer-CAM (Zhang et al. 2025), https://arxiv.org/abs/2501.11309."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from camkit_core import CamkitError, Method, Probe


@Method(group="gradient")
def finercam(
    probe: Probe,
    *,
    alpha: float = 0.6,
    references: int = 3,
    variant: Literal["mean", "weighted"] = "mean",
) -> Tensor:
    """Grad-CAM of what sets the class apart from those whose logits are the nearest.

    arXiv 2501.11309: the score is y_c - alpha y_d, averaged over the references d.

    Args:
        probe: the forward pass.
        alpha: how much of the references is taken off; 0 is Grad-CAM.
        references: how many classes it is compared with, or all others if there are fewer.
        variant: "mean" counts each reference alike; "weighted" by its softmax probability, which
            the gradient passes through, as in the authors' code and in pytorch-grad-cam.

    Returns:
        The map (N, h, w), signed. Targets that are not classes have no references: Grad-CAM, and
        a warning.

    Raises:
        CamkitError: for fewer references than one.
    """
    if references < 1:
        raise CamkitError(f"expected references of at least 1; got {references}")

    def contrast(logits: Tensor, category: int) -> Tensor:
        distance = (logits.detach() - logits.detach()[category]).abs()
        distance[category] = float("inf")
        near = distance.topk(min(references, len(logits) - 1), largest=False).indices
        shares = logits.softmax(0)[near] if variant == "weighted" else torch.ones_like(logits[near])
        return (shares * (logits[category] - alpha * logits[near])).sum() / shares.sum()

    asked = probe
    if probe.targets.classes is None:
        probe.warn("Finer-CAM compares classes; of a target that is none it gave Grad-CAM")
    else:
        asked = probe.of_logits(contrast)
    return probe.weighted_sum(asked.gradients.mean(probe.spatial_axes))
