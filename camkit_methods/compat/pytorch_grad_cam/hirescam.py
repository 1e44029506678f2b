"""HiResCAM, under pytorch-grad-cam's name."""

from __future__ import annotations

from ...hirescam import hirescam
from .formulas import GradientCAM, image_by


class HiResCAM(GradientCAM):
    """HiResCAM, see `camkit_methods.hirescam`."""

    get_cam_image = image_by(hirescam)
