"""From the layers' maps to heatmaps: sizes, means, smoothing, and the call itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from .probing import Array
from .utils.image import scale_cam_image

if TYPE_CHECKING:
    from .activations_and_gradients import ActivationsAndGradients

Targets = Sequence[Callable[..., Tensor]] | None
Self = TypeVar("Self", bound="Heatmaps")


class Heatmaps:
    """What is the same for all methods once they have the layers' maps."""

    activations_and_grads: ActivationsAndGradients
    tta_transforms: Any

    def forward(self, input_tensor: Tensor, targets: Targets, eigen_smooth: bool = False) -> Array:
        """The heatmaps (N, H, W); see `__call__`."""
        raise NotImplementedError

    def get_target_width_height(self, input_tensor: Tensor) -> tuple[int, ...]:
        """The size that maps are resized to: (W, H), and of volumes all three sides from the end.

        Raises:
            ValueError: for signals.
        """
        if input_tensor.ndim not in (4, 5):
            raise ValueError(
                f"expected images (N, C, H, W) or volumes (N, C, D, H, W), got "
                f"{tuple(input_tensor.shape)}; camkit.explain takes signals, too"
            )
        return tuple(input_tensor.shape[:1:-1])

    def aggregate_multi_layers(self, cam_per_target_layer: Any) -> Array:
        """The mean of the layers' maps, brought to [0, 1]: (N, H, W)."""
        maps = np.maximum(np.concatenate(cam_per_target_layer, axis=1), 0)
        return scale_cam_image(np.mean(maps, axis=1))

    def forward_augmentation_smoothing(
        self, input_tensor: Tensor, targets: Targets, eigen_smooth: bool = False
    ) -> Array:
        """The mean of the heatmaps of all `tta_transforms` of the images."""
        maps = []
        for transform in self.tta_transforms:
            cam = self.forward(transform.augment_image(input_tensor), targets, eigen_smooth)
            maps.append(transform.deaugment_mask(torch.from_numpy(cam)[:, None])[:, 0].numpy())
        mean: Array = np.mean(np.asarray(maps, np.float32), axis=0)
        return mean

    def __call__(
        self,
        input_tensor: Tensor,
        targets: Targets,
        aug_smooth: bool = False,
        eigen_smooth: bool = False,
    ) -> Array:
        """The heatmaps of `input_tensor` (N, C, H, W): (N, H, W), float32 in [0, 1].

        Args:
            input_tensor: the images, or volumes (N, C, D, H, W), prepared for the model.
            targets: one callable for each image, from its output to a scalar; None for the class of
                the greatest score.
            aug_smooth: average over `tta_transforms`.
            eigen_smooth: the first principal component in place of the sum over channels.

        Raises:
            CamkitError: as `camkit.explain`.
        """
        smoothed = self.forward_augmentation_smoothing if aug_smooth is True else self.forward
        return smoothed(input_tensor, targets, eigen_smooth)

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, exc_type: Any, exc_value: Any, exc_tb: Any) -> None:
        self.activations_and_grads.release()
