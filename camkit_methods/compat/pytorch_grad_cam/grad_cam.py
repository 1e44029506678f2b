"""Grad-CAM, under pytorch-grad-cam's name."""

from __future__ import annotations

from ...gradcam import gradcam
from .formulas import GradientCAM, weights_by


class GradCAM(GradientCAM):
    """Grad-CAM, see `camkit_methods.gradcam`."""

    get_cam_weights = weights_by(gradcam)
