"""Grad-CAM++, under pytorch-grad-cam's name."""

from __future__ import annotations

from ...gradcam_plusplus import gradcam_plusplus
from .formulas import GradientCAM, weights_by


class GradCAMPlusPlus(GradientCAM):
    """Grad-CAM++ with an epsilon of 1e-6, see `camkit_methods.gradcam_plusplus`."""

    get_cam_weights = weights_by(gradcam_plusplus, variant="pytorch-grad-cam")
