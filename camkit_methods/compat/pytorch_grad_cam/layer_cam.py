"""LayerCAM, under pytorch-grad-cam's name."""

from __future__ import annotations

from ...layercam import layercam
from .formulas import GradientCAM, image_by


class LayerCAM(GradientCAM):
    """LayerCAM, see `camkit_methods.layercam`."""

    get_cam_image = image_by(layercam)
