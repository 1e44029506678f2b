"""KPCA-CAM, under pytorch-grad-cam's name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from .activations_and_gradients import Reshape
from .base_cam import BaseCAM
from .probing import Array
from .utils.svd_on_activations import get_2d_projection_kernel


class KPCA_CAM(BaseCAM):  # noqa: N801 - the name that code imports
    """KPCA-CAM with a sigmoid kernel, see `camkit_methods.kpcacam`."""

    def __init__(
        self,
        model: nn.Module,
        target_layers: Sequence[nn.Module],
        reshape_transform: Reshape | None = None,
        kernel: str = "sigmoid",
        gamma: float | None = None,
    ) -> None:
        super().__init__(model, target_layers, reshape_transform, uses_gradients=False)
        self.kernel = kernel
        self.gamma = gamma

    def get_cam_image(
        self,
        input_tensor: Any,
        target_layer: Any,
        target_category: Any,
        activations: Array,
        grads: Any,
        eigen_smooth: bool = False,
    ) -> Array:
        """The first kernel principal component of the activations: (N, h, w)."""
        return get_2d_projection_kernel(activations, self.kernel, self.gamma)
