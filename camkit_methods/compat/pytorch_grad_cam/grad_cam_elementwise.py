"""Grad-CAM by element, under pytorch-grad-cam's name."""

from __future__ import annotations

from ...gradcam_elementwise import gradcam_elementwise
from .formulas import GradientCAM, image_by


class GradCAMElementWise(GradientCAM):
    """Grad-CAM without a mean over positions, see `camkit_methods.gradcam_elementwise`."""

    get_cam_image = image_by(gradcam_elementwise)
