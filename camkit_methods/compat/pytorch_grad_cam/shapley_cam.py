"""ShapleyCAM, under pytorch-grad-cam's name."""

from __future__ import annotations

from typing import ClassVar

from ...shapleycam import shapleycam
from .formulas import GradientCAM, weights_of_runs


class ShapleyCAM(GradientCAM):
    """ShapleyCAM of the target's own score, see `camkit_methods.shapleycam`.

    The paper's residual softmax is `ClassifierOutputReST` as the target.
    """

    get_cam_weights = weights_of_runs(shapleycam, utility="score")
    further: ClassVar = {"compute_input_gradient": True, "detach": False}
