"""Second derivatives at the target layer, on the graph of the forward pass."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import LayerError
from ..forward.chunks import out_of_memory
from ..forward.recording import Recording
from ..forward.torch_limits import no_gradient
from ..inputs.targets.scores import Targets
from .plain_attention import PlainAttention
from .rows import values_of


def hessian_product(recording: Recording, targets: Targets, touching: bool = False) -> Tensor:
    """The Hessian of each image's score at `raw`, times `raw` itself: (N, ...).

    Args:
        recording: the forward pass.
        targets: one score function for each image.
        touching: whether a score depends on the values of other images, too, which then count as
            constants.

    Raises:
        LayerError: if what follows the layer cannot be differentiated, or not twice.
    """
    try:
        return _product(recording, targets, touching)
    except RuntimeError as error:
        if out_of_memory(error):
            raise
    # Fused attention has no second derivative; the same computed step by step has.
    with PlainAttention():
        repeated = recording.again(recording.images)
        try:
            return _product(repeated, targets, touching)
        except RuntimeError as error:
            if out_of_memory(error):
                raise
            raise LayerError(
                f"what follows layer {recording.layer!r} cannot be differentiated twice: {error}"
            ) from error


def _product(recording: Recording, targets: Targets, touching: bool) -> Tensor:
    with torch.enable_grad():
        scores = targets.scores(recording.output)
        if not touching:
            # Then the Hessian of the sum holds that of each image.
            return _product_of(scores.sum(), recording, recording.raw.detach())
        product = torch.zeros_like(recording.raw)
        for image, score in enumerate(scores):
            own = values_of(recording, image)
            direction = recording.raw.detach() * own
            product = torch.where(own, _product_of(score, recording, direction), product)
        return product.detach()


def _product_of(score: Tensor, recording: Recording, direction: Tensor) -> Tensor:
    with torch.enable_grad():
        gradient = _gradient(score, recording, create_graph=True)
    if not gradient.requires_grad:
        return torch.zeros_like(gradient)
    return _gradient(gradient, recording, cotangent=direction)


def _gradient(
    values: Tensor,
    recording: Recording,
    cotangent: Tensor | None = None,
    create_graph: bool = False,
) -> Tensor:
    """The gradient at `raw` of the values times a cotangent, summed."""
    if not values.requires_grad:
        raise no_gradient(recording.layer)
    gradients: tuple[Tensor, ...] = torch.autograd.grad(
        values,
        recording.raw,
        cotangent,
        retain_graph=True,
        create_graph=create_graph,
        allow_unused=True,
        materialize_grads=True,
    )
    return gradients[0]
