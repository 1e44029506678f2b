"""Small steps between the engine's tensors and the arrays that methods are given."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .probing import Array
from .utils.model_targets import ClassifierOutputTarget


def weighted(weights: Array, activations: Array) -> Array:
    """Each channel of activations (N, C, ...) times its weight (N, C).

    Raises:
        ValueError: for other activations than of images and volumes.
    """
    if activations.ndim not in (4, 5):
        raise ValueError(f"expected activations (N, C, h, w), got {activations.shape}")
    product: Array = weights.reshape(*weights.shape, *[1] * (activations.ndim - 2)) * activations
    return product


def device_of(model: nn.Module) -> torch.device:
    """Where a model is: where its first parameter is."""
    return next((each.device for each in model.parameters()), torch.device("cpu"))


def best(output: Any) -> list[ClassifierOutputTarget] | None:
    """Targets for the classes of the greatest scores (N, K); None for another output."""
    if not isinstance(output, Tensor) or output.ndim != 2:
        return None
    return [ClassifierOutputTarget(k) for k in output.detach().argmax(-1).tolist()]


def anything(activations: Tensor) -> Array:
    """A map of the grid's size that is not blank, for the engine where nobody reads it."""
    shape = len(activations), *activations.shape[2:]
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def shows(maps: Array) -> bool:
    """Whether none of the maps (N, ...) is blank: each has a value above 0."""
    return bool(maps.reshape(len(maps), -1).max(1).min() > 0)


def is_ours(function: Any) -> bool:
    """Whether a function is of this package, not of the user's class."""
    module = getattr(function, "__module__", None)  # None of code that was pasted somewhere
    return str(module).startswith(__name__.rpartition(".")[0])


def detached(tensor: Tensor) -> Tensor:
    """A copy without a graph."""
    return tensor.detach().clone()
