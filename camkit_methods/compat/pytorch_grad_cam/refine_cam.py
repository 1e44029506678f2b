"""RefineCAM over any method, under pytorch-grad-cam's name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor, nn

from .activations_and_gradients import Reshape
from .base_cam import BaseCAM, Targets
from .grad_cam_plusplus import GradCAMPlusPlus
from .probing import Array
from .utils.image import scale_cam_image


class RefineCAM:
    """The product of the heatmaps of several layers, see `camkit_methods.refinecam`.

    Args:
        model: any eager PyTorch model.
        target_layers: modules of it.
        reshape_transform: from a layer's output to (N, C, h, w).
        base_method: the class that makes the heatmap of a layer.
        kwargs: further arguments of that class.
    """

    def __init__(
        self,
        model: nn.Module,
        target_layers: Sequence[nn.Module],
        reshape_transform: Reshape | None = None,
        base_method: type[BaseCAM] = GradCAMPlusPlus,
        **kwargs: Any,
    ) -> None:
        self.base_cam_per_layer = [
            base_method(model, [layer], reshape_transform, **kwargs) for layer in target_layers
        ]

    def __call__(self, *args: Any, **kwargs: Any) -> Array:
        """As `forward`."""
        return self.forward(*args, **kwargs)

    def forward(
        self, input_tensor: Tensor, targets: Targets = None, eigen_smooth: bool = False
    ) -> Array:
        """The heatmaps (N, H, W), float32 in [0, 1]."""
        maps = [
            cam(input_tensor, targets, eigen_smooth=eigen_smooth) for cam in self.base_cam_per_layer
        ]
        return scale_cam_image(np.prod(maps, axis=0))
