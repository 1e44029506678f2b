"""Random channel weights, under pytorch-grad-cam's name."""

from __future__ import annotations

from typing import Any

import numpy as np

from .formulas import GradientCAM
from .probing import Array


class RandomCAM(GradientCAM):
    """Weights between -1 and 1 of numpy's own generator, for each image others."""

    draws = True

    def get_cam_weights(
        self,
        input_tensor: Any,
        target_layer: Any,
        target_category: Any,
        activations: Any,
        grads: Any,
    ) -> Array:
        """Random weights (N, C)."""
        weights: Array = np.random.uniform(-1, 1, size=grads.shape[:2])
        return weights
