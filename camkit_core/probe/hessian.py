"""Second derivatives at the target layer, on the graph of the forward pass."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..errors import LayerError
from ..forward.chunks import out_of_memory
from ..forward.recording import Recording, no_gradient
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
    # Fused attention has a first derivative only; written out, it has all.
    with sdpa_kernel(SDPBackend.MATH):
        again = recording.again(recording.images)
        try:
            return _product(again, targets)
        except RuntimeError as error:
            if out_of_memory(error):
                raise
            raise LayerError(
                f"what follows layer {recording.layer!r} cannot be differentiated twice: {error}"
            ) from error


def _product(recording: Recording, targets: Targets) -> Tensor:
    with torch.enable_grad():
        # Images do not touch each other, so the Hessian of the sum holds each image's own.
        score = targets.scores(recording.output).sum()
        slope = _slope(score, recording, create_graph=True)
    if not slope.requires_grad:
        return torch.zeros_like(slope)
    return _slope(slope, recording, recording.raw.detach())


def _slope(
    of: Tensor, recording: Recording, vector: Tensor | None = None, create_graph: bool = False
) -> Tensor:
    if not of.requires_grad:
        raise no_gradient(recording.layer)
    found: tuple[Tensor, ...] = torch.autograd.grad(
        of,
        recording.raw,
        vector,
        retain_graph=True,
        create_graph=create_graph,
        allow_unused=True,
        materialize_grads=True,
    )
    return found[0]
