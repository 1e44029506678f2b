"""Eigen-Grad-CAM, under pytorch-grad-cam's name."""

from __future__ import annotations

from .formulas import GradientCAM, image_of
from .utils.svd_on_activations import get_2d_projection


class EigenGradCAM(GradientCAM):
    """Eigen-Grad-CAM with the sign that LAPACK gives, see `camkit_methods.eigengradcam`."""

    get_cam_image = image_of(lambda activations, grads, _: get_2d_projection(grads * activations))
