"""FEM, under pytorch-grad-cam's name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from ...fem import fem
from .activations_and_gradients import Reshape
from .arrays import weighted
from .base_cam import BaseCAM
from .formulas import Arrays
from .probing import Array


class FEM(BaseCAM):
    """The feature explanation method, see `camkit_methods.fem`."""

    def __init__(
        self,
        model: nn.Module,
        target_layers: Sequence[nn.Module],
        reshape_transform: Reshape | None = None,
        k: float = 2,
    ) -> None:
        super().__init__(model, target_layers, reshape_transform, uses_gradients=False)
        self.k = k

    def get_cam_image(
        self,
        input_tensor: Any,
        target_layer: Any,
        target_category: Any,
        activations: Array,
        grads: Any,
        eigen_smooth: bool = False,
    ) -> Array:
        """Channels weighted by the share of their unusual positions, and summed: (N, h, w)."""
        formula: Any = fem
        weights = formula(Arrays(activations, None), k=self.k).numpy()
        cam: Array = weighted(weights, activations).sum(axis=1)
        return cam
