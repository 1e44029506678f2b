"""Seg-Eigen-CAM (Chung & Ying 2025), under pytorch-grad-cam's name."""

from __future__ import annotations

from .formulas import GradientCAM, image_of
from .probing import Array
from .utils.svd_on_activations import get_2d_projection_with_sign_correction


def _image(activations: Array, grads: Array, eigen_smooth: bool) -> Array:
    return get_2d_projection_with_sign_correction(abs(grads) * activations)


class SegEigenCAM(GradientCAM):
    """The principal component of activations times absolute gradients.

    https://doi.org/10.3390/app15137562, equations 10 to 13.
    """

    get_cam_image = image_of(_image)
