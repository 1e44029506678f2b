"""The methods as classes, for code written for the most used library."""

from __future__ import annotations

from camkit_core import ClassForm


class GradCAM(ClassForm):
    """Grad-CAM, see `camkit_methods.gradcam`."""

    method = "gradcam"


class GradCAMPlusPlus(ClassForm):
    """Grad-CAM++, see `camkit_methods.gradcam_plusplus`."""

    method = "gradcam++"


class XGradCAM(ClassForm):
    """XGrad-CAM, see `camkit_methods.xgradcam`."""

    method = "xgradcam"


class AblationCAM(ClassForm):
    """Ablation-CAM, see `camkit_methods.ablationcam`."""

    method = "ablationcam"


class ScoreCAM(ClassForm):
    """Score-CAM, see `camkit_methods.scorecam`."""

    method = "scorecam"
