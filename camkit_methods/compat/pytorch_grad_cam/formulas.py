"""camkit's formulas as the two functions that pytorch-grad-cam's methods are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from camkit_core import Probe

from .activations_and_gradients import Reshape
from .base_cam import BaseCAM
from .probing import Array
from .utils.svd_on_activations import get_2d_projection

Formula = Callable[..., Tensor]


class Arrays:
    """What a formula may read where there is no recorded pass: activations and gradients.

    What it would sum over the channels comes back unsummed: the weights, or the evidence.
    """

    def __init__(self, activations: Any, gradients: Any) -> None:
        self.activations = torch.as_tensor(activations)
        self.gradients = None if gradients is None else torch.as_tensor(gradients)
        self.spatial_axes = tuple(range(2, self.activations.ndim))

    def weighted_sum(self, weights: Tensor) -> Tensor:
        """The weights."""
        return weights

    def channel_sum(self, evidence: Tensor) -> Tensor:
        """The evidence."""
        return evidence

    def note(self, text: str) -> None:
        """Nobody reads notes here."""


class Weights:
    """A probe of which a method's weights come back in place of its map."""

    def __init__(self, probe: Any) -> None:
        self._probe = probe

    def __getattr__(self, name: str) -> Any:
        return getattr(self._probe, name)

    def weighted_sum(self, weights: Tensor) -> Tensor:
        """The weights."""
        return weights


def weights_by(formula: Formula, **options: Any) -> Callable[..., Array]:
    """A `get_cam_weights` that takes its weights from a formula of activations and gradients."""
    return lambda self, input_tensor, target_layer, target_category, activations, grads: formula(
        Arrays(activations, grads), **options
    ).numpy()


def weights_of_runs(formula: Formula, **options: Any) -> Callable[..., Array]:
    """A `get_cam_weights` that takes its weights from a method which runs the model."""

    def read(probe: Probe) -> Array:
        weights: Array = formula(Weights(probe), **options).cpu().numpy()
        return weights

    return lambda self, input_tensor, target_layer, targets, activations, grads: self.of_probe(
        read, input_tensor, target_layer, targets
    )


def image_by(formula: Formula, **options: Any) -> Callable[..., Array]:
    """A `get_cam_image` that takes its evidence from a formula of activations and gradients."""

    def joined(activations: Array, grads: Array, eigen_smooth: bool) -> Array:
        evidence: Array = formula(Arrays(activations, grads), **options).numpy()
        return get_2d_projection(evidence) if eigen_smooth else evidence.sum(axis=1)

    return image_of(joined)


def image_of(compute: Callable[[Array, Array, bool], Array]) -> Callable[..., Array]:
    """A `get_cam_image` of activations, gradients, and whether to smooth."""

    def get_cam_image(
        self: Any,
        input_tensor: Any,
        target_layer: Any,
        target_category: Any,
        activations: Any,
        grads: Any,
        eigen_smooth: bool,
    ) -> Array:
        return compute(activations, grads, eigen_smooth)

    return get_cam_image


class GradientCAM(BaseCAM):
    """A method that takes no more than the usual arguments; `further` are those of `BaseCAM`."""

    further: ClassVar[dict[str, bool]] = {}

    def __init__(
        self,
        model: nn.Module,
        target_layers: Sequence[nn.Module],
        reshape_transform: Reshape | None = None,
    ) -> None:
        super().__init__(model, target_layers, reshape_transform, **self.further)


class ActivationCAM(GradientCAM):
    """The same without gradients."""

    further: ClassVar = {"uses_gradients": False}
