"""XGrad-CAM (Fu et al. 2020), https://arxiv.org/abs/2008.02312."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from annotated_types import Interval
from torch import Tensor

from camkit_core import Method, Probe


@Method(group="the five", cost="1 run", gradient_weighted=True)
def xgradcam(
    probe: Probe,
    *,
    variant: Literal["paper", "pytorch-grad-cam"] = "paper",
    tol: Annotated[float, Interval(ge=0, lt=float("inf"))] = 1e-3,
) -> Tensor:
    """Weight each channel by its gradient, averaged with its activations.

    arXiv 2008.02312, equation 8: w = sum of A g / S with S the sum of the channel.

    Args:
        probe: the forward pass.
        variant: "paper", guarded where S vanishes; "pytorch-grad-cam" for S + 1e-7 unguarded.
        tol: if |S| < tol * sum |A|, as for signed activations, the quotient means nothing. The
            weight is then the mean gradient, which is the quotient for a constant gradient.

    Returns:
        The map (N, h, w), signed.
    """
    activations, gradients, axes = probe.activations, probe.gradients, probe.spatial_axes
    product, total = (activations * gradients).sum(axes), activations.sum(axes)
    if variant == "pytorch-grad-cam":
        return probe.weighted_sum(product / (total + 1e-7))
    # A dead channel's sum is zero, and it adds nothing to the map, so any finite weight will do.
    weights = product / (total + (total == 0))
    if activations.min().item() < 0:  # without negative activations, only dead channels have S = 0
        vanishing = total.abs() < tol * torch.linalg.vector_norm(activations, 1, axes)
        weights = torch.where(vanishing, gradients.mean(axes), weights)
        if count := int(vanishing.sum()):
            probe.note(
                f"{count} channels sum to almost zero (signed activations) and were weighted by "
                f"their mean gradient, as Grad-CAM does"
            )
    return probe.weighted_sum(weights)
