"""ARCC (Domeniconi et al. 2026, arXiv 2605.14641), under pytorch-grad-cam's names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .perturbation_confidence import Array, Targets
from .road import ROADCombined


def batch_pearson_coherency(A: Array, B: Array) -> Array:  # noqa: N803 - the names that calls give
    """The Pearson correlation of each of N maps with each other of N, (N,)."""
    first, second = (each.reshape(len(each), -1) for each in (A, B))
    first, second = (each - each.mean(axis=1, keepdims=True) for each in (first, second))
    size = np.sqrt((first**2).mean(axis=1) * (second**2).mean(axis=1))
    scale = first.shape[1] / (first.shape[1] - 1)
    correlation: Array = scale * (first * second).mean(axis=1) / (scale * size + 1e-8)
    return correlation


class Complexity:
    """The mean absolute value of a map, arXiv 2104.10252."""

    def __call__(self, grayscale_cams: Array) -> Array:
        """Of each of N maps, (N,)."""
        mean: Array = np.abs(grayscale_cams).reshape(len(grayscale_cams), -1).mean(axis=1)
        return mean


class Coherency:
    """How like a map is to that of the image times the map, arXiv 2104.10252; in [0, 1]."""

    def __call__(
        self,
        input_tensor: Tensor,
        grayscale_cams: Array,
        targets: Targets,
        model: nn.Module,
        base_method: Callable[..., Array],
    ) -> Array:
        """Of each of N maps, (N,); `base_method` makes them, and `model` is not read."""
        seen = input_tensor * torch.from_numpy(grayscale_cams)[:, None].to(input_tensor.device)
        again = base_method(input_tensor=seen, targets=targets)
        coherency: Array = (batch_pearson_coherency(again, grayscale_cams) + 1) / 2
        return coherency


class ARCC:
    """The harmonic mean of coherency, simplicity and ROAD.

    Args:
        base_method: what made the maps.
        road_percentiles: of ROAD.
    """

    def __init__(
        self, base_method: Any, road_percentiles: Sequence[float] = [20, 40, 60, 80]
    ) -> None:
        self.complexity = Complexity()
        self.coherency = Coherency()
        self.road = ROADCombined(percentiles=road_percentiles)
        self.base_method = base_method

    def __call__(
        self, input_tensor: Tensor, grayscale_cams: Array, targets: Targets, model: nn.Module
    ) -> Array:
        """The value of each of N maps, (N,), in [0, 1]."""
        coherency = self.coherency(input_tensor, grayscale_cams, targets, model, self.base_method)
        road = self.road(input_tensor, grayscale_cams, targets, model)
        parts = (coherency, 1 - self.complexity(grayscale_cams), (2 * road).clip(0, 1))
        inverse: Any = sum(1 / (part + 1e-8) for part in parts)
        mean: Array = 3 / inverse
        return mean
