"""Grad-CAM++ (Chattopadhyay et al. 2018), https://arxiv.org/abs/1710.11063."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from camkit_core import Method, Probe

Variant = Literal["paper", "official", "pytorch-grad-cam"]


@Method(group="the five", cost="1 run")
def gradcam_plusplus(
    probe: Probe, *, variant: Variant = "paper", negative_sum: Literal["clamp", "raw"] = "clamp"
) -> Tensor:
    """Weight each channel by its positive gradients, each counted alike.

    arXiv 1710.11063, equations 5 and 19: w = sum of alpha g over g > 0, with S the channel's sum
    and alpha = g^2 / (2 g^2 + S g^3). Cancelled, alpha = 1 / (2 + S g) needs no epsilon.

    Args:
        probe: the forward pass.
        variant: "paper" for equation 19; "official" for the authors' code, which divides the
            alphas of a channel by their sum over its positive gradients; "pytorch-grad-cam" for
            that library's epsilon of 1e-6 in the denominator, which wins over small gradients.
        negative_sum: what to do with S < 0, which the paper does not have: "clamp" it to 0, which
            keeps alpha in (0, 1/2], or take it "raw".

    Returns:
        The map (N, h, w); its weights are never negative.
    """
    # Where the gradient is negative, the denominator may be zero, and the weight is zero anyway.
    gradient, axes = probe.gradients.clamp(min=0), probe.spatial_axes
    total = probe.activations.sum(axes, keepdim=True)
    if negative_sum == "clamp" and variant != "pytorch-grad-cam":
        total = total.clamp(min=0)
    if variant == "pytorch-grad-cam":
        alpha = gradient**2 / (2 * gradient**2 + total * gradient**3 + 1e-6)
    else:
        alpha = 1 / (2 + total * gradient)
    if variant == "official":
        alpha = alpha * (gradient > 0)
        alpha = alpha / alpha.sum(axes, keepdim=True).clamp(min=torch.finfo(alpha.dtype).tiny)
    return probe.weighted_sum((alpha * gradient).sum(axes))
