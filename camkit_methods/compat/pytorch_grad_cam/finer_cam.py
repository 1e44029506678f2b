"""Finer-CAM over any method, under pytorch-grad-cam's name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .activations_and_gradients import Reshape
from .base_cam import BaseCAM, Targets
from .grad_cam import GradCAM
from .probing import Array
from .utils.model_targets import FinerWeightedTarget

DEFAULT_COMPARISON_CATEGORIES = (1, 2, 3)


class FinerCAM:
    """What sets a class apart from others like it, see `camkit_methods.finercam`.

    Args:
        model: any eager PyTorch model.
        target_layers: modules of it.
        reshape_transform: from a layer's output to (N, C, h, w).
        base_method: the class that makes the heatmap.
    """

    def __init__(
        self,
        model: nn.Module,
        target_layers: Sequence[nn.Module],
        reshape_transform: Reshape | None = None,
        base_method: type[BaseCAM] = GradCAM,
    ) -> None:
        self.base_cam = base_method(model, target_layers, reshape_transform)
        self.compute_input_gradient = self.base_cam.compute_input_gradient
        self.uses_gradients = self.base_cam.uses_gradients

    def __call__(self, *args: Any, **kwargs: Any) -> Array:
        """As `forward`."""
        return self.forward(*args, **kwargs)

    def forward(
        self,
        input_tensor: Tensor,
        targets: Targets = None,
        eigen_smooth: bool = False,
        alpha: float = 1,
        comparison_categories: Sequence[int] | None = None,
        target_idx: int | None = None,
    ) -> Array:
        """The heatmaps (N, H, W), float32 in [0, 1].

        Args:
            input_tensor: the images.
            targets: in place of the comparison that the arguments below describe.
            eigen_smooth: as of the base method.
            alpha: the share of the others that is subtracted.
            comparison_categories: which others, by the rank of their score's distance from the
                class's own, which is 0; None for 1, 2 and 3.
            target_idx: the class; None for that of the greatest score.
        """
        if targets is None:
            nearest = Nearest(alpha, comparison_categories, target_idx)
            targets = [nearest] * len(input_tensor)
        return self.base_cam.forward(input_tensor, targets, eigen_smooth)

    def __enter__(self) -> FinerCAM:
        return self

    def __exit__(self, *raised: Any) -> None:
        self.base_cam.__exit__(*raised)


class Nearest:
    """The class compared with those whose scores are the nearest, once the scores are known."""

    def __init__(self, alpha: float, ranks: Sequence[int] | None, category: int | None) -> None:
        self.alpha, self.ranks, self.category = alpha, ranks, category

    def fixed(self, sample: Tensor) -> FinerWeightedTarget:
        """The target, given the scores (K,) of the plain image."""
        scores = sample.detach()
        own = scores.max() if self.category is None else scores[self.category]
        order = torch.argsort((scores - own).abs(), stable=True).tolist()
        ranks = DEFAULT_COMPARISON_CATEGORIES if self.ranks is None else self.ranks
        others = [order[rank] for rank in ranks if rank < len(order)]
        return FinerWeightedTarget(order[0], others, self.alpha)

    def __call__(self, sample: Tensor) -> Tensor:
        return self.fixed(sample)(sample)
