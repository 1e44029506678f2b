"""Grad-CAM (Selvaraju et al. 2017), https://arxiv.org/abs/1610.02391."""

from __future__ import annotations

from torch import Tensor

from camkit_core import Method, Probe


@Method(group="the five", cost="1 run", gradient_weighted=True)
def gradcam(probe: Probe) -> Tensor:
    """Weight each channel by the mean of its gradient.

    arXiv 1610.02391, equation 1: w = mean of g over the positions, and the map is the sum of w A
    over the channels, with the activations A and the score's gradient g at them.

    Returns:
        The map (N, h, w), signed; the paper's ReLU (equation 2) is applied in the heatmap.
    """
    return probe.weighted_sum(probe.gradients.mean(probe.spatial_axes))
