"""ShapleyCAM, under pytorch-grad-cam's name."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from ...shapleycam import shapleycam
from .activations_and_gradients import Reshape
from .base_cam import BaseCAM
from .formulas import weights_of_runs


class ShapleyCAM(BaseCAM):
    """ShapleyCAM of the target's own score, see `camkit_methods.shapleycam`.

    The paper's residual softmax is `ClassifierOutputReST` as the target.
    """

    get_cam_weights = weights_of_runs(shapleycam, utility="score")

    def __init__(
        self,
        model: nn.Module,
        target_layers: Sequence[nn.Module],
        reshape_transform: Reshape | None = None,
    ) -> None:
        super().__init__(
            model, target_layers, reshape_transform, compute_input_gradient=True, detach=False
        )
