"""Finer-CAM (Zhang et al. 2025), https://arxiv.org/abs/2501.11309."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from camkit_core import CamkitError, Probe


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
        The map (N, h, w), signed.

    Raises:
        CamkitError: for fewer references than one.
        TargetError: if the targets are not classes.
    """
    if references < 1:
        raise CamkitError(f"expected references of at least 1; got {references}")

    def contrast(logits: Tensor, category: int) -> Tensor:
        distance = (logits.detach() - logits.detach()[category]).abs()
        distance[category] = float("inf")
        near = distance.topk(min(references, len(logits) - 1), largest=False).indices
        shares = logits.softmax(0)[near] if variant == "weighted" else logits[near].detach() * 0 + 1
        return (shares * (logits[category] - alpha * logits[near])).sum() / shares.sum()

    gradients = probe.of_logits(contrast).gradients
    return probe.weighted_sum(gradients.mean(probe.spatial_axes))
