"""Score-CAM, under pytorch-grad-cam's name."""

from __future__ import annotations

from ...scorecam import scorecam
from .formulas import ActivationCAM, weights_of_runs


class ScoreCAM(ActivationCAM):
    """Score-CAM with masks resized corner to corner, see `camkit_methods.scorecam`."""

    scores = True
    get_cam_weights = weights_of_runs(scorecam, variant="pytorch-grad-cam")
