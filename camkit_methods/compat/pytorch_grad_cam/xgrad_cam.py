"""XGrad-CAM, under pytorch-grad-cam's name."""

from __future__ import annotations

from ...xgradcam import xgradcam
from .formulas import GradientCAM, weights_by


class XGradCAM(GradientCAM):
    """XGrad-CAM with sums unguarded but for 1e-7, see `camkit_methods.xgradcam`."""

    get_cam_weights = weights_by(xgradcam, variant="pytorch-grad-cam")
