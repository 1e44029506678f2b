"""How the score changes as the image is multiplied by its map, under pytorch-grad-cam's names."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from .perturbation_confidence import PerturbationConfidenceMetric


def multiply_tensor_with_cam(input_tensor: Tensor, cam: Tensor) -> Tensor:
    """The image (C, H, W), as the model is given it, times its map (H, W)."""
    return input_tensor * cam


class CamMultImageConfidenceChange(PerturbationConfidenceMetric):
    """The change of the score."""

    def __init__(self) -> None:
        super().__init__(multiply_tensor_with_cam)


class DropInConfidence(CamMultImageConfidenceChange):
    """How far the score drops; 0 where it rises."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As of `PerturbationConfidenceMetric`, (N,)."""
        return np.maximum(-super().__call__(*args, **kwargs), 0)


class IncreaseInConfidence(CamMultImageConfidenceChange):
    """Whether the score rises: 1 or 0."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As of `PerturbationConfidenceMetric`, (N,)."""
        return np.float32(super().__call__(*args, **kwargs) > 0)
