"""Eigen-Grad-CAM: Eigen-CAM of gradient times activation, as in pytorch-grad-cam."""

from __future__ import annotations

from torch import Tensor

from camkit_core import Method, Probe, principal_map


@Method(group="gradient", cost="1 run")
def eigengradcam(probe: Probe) -> Tensor:
    """Project gradient times activation on its first principal component.

    Eigen-CAM (arXiv 2008.00299, equation 3) of HiResCAM's evidence, so that it knows the class.

    Returns:
        The map (N, h, w), signed.
    """
    return principal_map(probe.gradients * probe.activations)
