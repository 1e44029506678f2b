"""Grad-CAM without averaging over positions, as pytorch-grad-cam's GradCAMElementWise."""

from __future__ import annotations

from torch import Tensor

from camkit_core import Method, Probe


@Method(group="gradient", cost="1 run", position_wise=True)
def gradcam_elementwise(probe: Probe) -> Tensor:
    """Multiply activation and gradient, and keep what is positive before channels are summed.

    HiResCAM (arXiv 2011.08891, equation 3) with a ReLU on each channel: evidence against the class
    in one channel is not subtracted from evidence for it in another.

    Returns:
        The map (N, h, w), not negative.
    """
    return probe.channel_sum((probe.gradients * probe.activations).relu())
