"""Second derivatives at the target layer, on the graph of the forward pass."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..errors import LayerError
from ..forward.chunks import out_of_memory
from ..forward.recording import Recording
from ..forward.torch_limits import no_gradient
from ..inputs.targets.scores import Targets


def hessian_product(recording: Recording, targets: Targets) -> Tensor:
    """The Hessian of each image's score at `raw`, times `raw` itself: (N, ...).

    Raises:
        LayerError: if what follows the layer cannot be differentiated, or not twice.
    """
    try:
        return _product(recording, targets)
    except RuntimeError as error:
        if out_of_memory(error):
            raise
    # Fused attention has no second derivative; the same computed step by step has.
    with sdpa_kernel(SDPBackend.MATH):
        repeated = recording.again(recording.images)
        try:
            return _product(repeated, targets)
        except RuntimeError as error:
            if out_of_memory(error):
                raise
            raise LayerError(
                f"what follows layer {recording.layer!r} cannot be differentiated twice: {error}"
            ) from error


def _product(recording: Recording, targets: Targets) -> Tensor:
    with torch.enable_grad():
        # Images do not influence each other, so the Hessian of the sum holds that of each image.
        score = targets.scores(recording.output).sum()
        gradient = _gradient(score, recording, create_graph=True)
    if not gradient.requires_grad:
        return torch.zeros_like(gradient)
    return _gradient(gradient, recording, cotangent=recording.raw.detach())


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
