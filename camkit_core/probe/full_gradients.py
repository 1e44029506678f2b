"""The gradients at the images and at every bias, from a pass of their own."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ..forward.recording import Recording
from ..inputs.targets.scores import Targets
from .guided import score_at_images

_CONVOLUTIONS = (
    *(F.conv1d, F.conv2d, F.conv3d),
    *(F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d),
)
_BATCH_NORM = inspect.signature(F.batch_norm)


@dataclass(frozen=True)
class FullGradients:
    """What adds up to the score, where all that is not linear is ReLU or maximum.

    Attributes:
        images: gradient times image, (N, C, H, W).
        biases: gradient times bias of each convolution and batch norm that ran, (N, C, h, w), in
            order; a batch norm's bias is all it adds, its running mean included.
        linear: the same of all linear layers, summed: (N,).
    """

    images: Tensor
    biases: tuple[Tensor, ...]
    linear: Tensor


def full_gradients(recording: Recording, targets: Targets) -> FullGradients:
    """The full gradients of arXiv 1905.00780 of each image's score.

    Works on the calls that ran, so modules and functions are the same to it.

    Raises:
        LayerError: if the score has no gradient at the images.
    """
    mode = _Biases()
    with mode:
        leaf, score = score_at_images(recording, targets)
    outputs = [output for output, _, _ in mode.found]
    gradients = torch.autograd.grad(
        score, [leaf, *outputs], allow_unused=True, materialize_grads=True
    )
    biases, linear = [], torch.zeros_like(gradients[0].flatten(1).sum(1))
    for gradient, (_, bias, axis) in zip(gradients[1:], mode.found, strict=True):
        if axis == 1:
            biases.append(gradient * bias.view(-1, *[1] * (gradient.ndim - 2)))
        else:
            linear = linear + (gradient * bias).flatten(1).sum(1)
    return FullGradients(gradients[0] * recording.images, tuple(biases), linear)


class _Biases(TorchFunctionMode):
    """Notes of each linear call its output, the bias it added, and the axis of its channels."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[Tensor, Tensor, int]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        bias = _bias(func, args, kwargs or {})
        if bias is None or not output.requires_grad:
            return output
        self.found.append((output, bias.detach(), -1 if func is F.linear else 1))
        # A copy, as what follows may change what it is handed in place.
        return output.clone()


def _bias(func: Any, args: Any, kwargs: Any) -> Tensor | None:
    if func is F.batch_norm:
        return _bias_of_norm(**_BATCH_NORM.bind(*args, **kwargs).arguments)
    if func is F.linear or func in _CONVOLUTIONS:
        found: Tensor | None = kwargs.get("bias", args[2] if len(args) > 2 else None)
        return found
    return None


def _bias_of_norm(
    input: Tensor,  # noqa: A002 - as the function names it
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor | None:
    if training or running_mean is None or running_var is None:
        return None  # normalises by what it is given, and so is not linear
    scale = (running_var + eps).rsqrt() * (1.0 if weight is None else weight)
    return (0.0 if bias is None else bias) - running_mean * scale
