"""Seg-Eigen-CAM (Chung & Ying 2025), https://doi.org/10.3390/app15137562."""

from __future__ import annotations

import torch
from torch import Tensor

from camkit_core import Method, Probe, principal_map


@Method(group="gradient", cost="1 run")
def segeigencam(probe: Probe) -> Tensor:
    """Project the activations, times their gradients' sizes, on their first principal component.

    Applied Sciences 15 (13), 7562, equations 10 to 13: made for segmentation. A gradient counts by
    its size alone, and the component's sign is that of its value farthest from zero.

    Returns:
        The map (N, h, w), signed.
    """
    cam = principal_map(probe.gradients.abs() * probe.activations)
    axes = tuple(range(1, cam.ndim))
    turned = cam.amin(axes, keepdim=True).abs() > cam.amax(axes, keepdim=True).abs()
    return torch.where(turned, -cam, cam)
