"""Score-CAM, under pytorch-grad-cam's name."""

from __future__ import annotations

from torch import Tensor

from ...scorecam import scorecam
from .formulas import ActivationCAM, weights_of_runs

USUAL = 224 * 224  # pixels of an image, of which a CPU runs 8 together the quickest


class ScoreCAM(ActivationCAM):
    """Score-CAM with masks resized corner to corner, see `camkit_methods.scorecam`."""

    scores = True

    def rows(self, images: Tensor) -> int | None:
        """As of `BaseCAM`; more rows of small images, which a CPU runs quicker together."""
        given = super().rows(images)
        if given is not None or images.device.type != "cpu":
            return given
        return min(64, max(8, 8 * USUAL // images[0, 0].numel()))

    get_cam_weights = weights_of_runs(scorecam, variant="pytorch-grad-cam")
