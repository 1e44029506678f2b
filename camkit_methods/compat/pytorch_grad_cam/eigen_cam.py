"""Eigen-CAM, under pytorch-grad-cam's name."""

from __future__ import annotations

from .formulas import ActivationCAM, image_of
from .utils.svd_on_activations import get_2d_projection


class EigenCAM(ActivationCAM):
    """Eigen-CAM with the sign that LAPACK gives, see `camkit_methods.eigencam`."""

    get_cam_image = image_of(lambda activations, *_: get_2d_projection(activations))
