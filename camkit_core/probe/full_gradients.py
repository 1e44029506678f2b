"""The gradients at the images and at every bias, from one more pass of the model."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ..errors import LayerError
from ..forward.recording import Recording
from ..inputs.targets.scores import Targets
from .guided import image_gradients, scores_at_images
from .scripted import refuse_scripted_biases

_CONVOLUTIONS = (
    F.conv1d,
    F.conv2d,
    F.conv3d,
    F.conv_transpose1d,
    F.conv_transpose2d,
    F.conv_transpose3d,
)
_BATCH_NORM = inspect.signature(F.batch_norm)


@dataclass(frozen=True)
class FullGradients:
    """Parts that add up to the score, if all that is not linear is ReLU or maximum.

    Attributes:
        images: gradient times image, (N, C, H, W).
        biases: gradient times bias of each convolution and batch norm that ran, (N, C, h, w), in
            order; a batch norm's bias is all it adds, its running mean included.
        linear: gradient times bias of all linear layers, summed: (N,); nan where the rows of a
            linear layer are not those of the images.
    """

    images: Tensor
    biases: tuple[Tensor, ...]
    linear: Tensor


def full_gradients(recording: Recording, targets: Targets, touching: bool = False) -> FullGradients:
    """The full gradients of arXiv 1905.00780 of each image's score.

    The calls that ran are watched, so modules and functions are treated alike.

    Args:
        recording: of the model and its images.
        targets: one score function for each image.
        touching: see `image_gradients`.

    Raises:
        LayerError: if the score has no gradient at the images, or a layer has rows of its own.
        InputError: if a scripted part of the model adds biases, which cannot be watched.
    """
    refuse_scripted_biases(recording.model)
    watch = _BiasWatch()
    with watch:
        images, scores = scores_at_images(recording, targets)
    tensors = [images, *(call.output for call in watch.calls)]
    at_images, *at_outputs = image_gradients(scores, tensors, touching)
    biases, linear = [], torch.zeros_like(at_images.flatten(1).sum(1))
    for gradient, call in zip(at_outputs, watch.calls, strict=True):
        if call.channels_last:
            linear = linear + _by_image(gradient * call.bias, len(linear))
        else:
            _refuse_other_rows(len(gradient), len(linear))
            biases.append(gradient * call.bias.view(-1, *[1] * (gradient.ndim - 2)))
    return FullGradients(at_images * recording.images, tuple(biases), linear)


def _refuse_other_rows(rows: int, images: int) -> None:
    if rows != images:
        raise LayerError(
            f"FullGrad adds up the maps of all biases, one for each image; a layer has {rows} rows "
            f"for {images} images, as of tiles or frames. Take a method of one layer, e.g. gradcam"
        )


def _by_image(shares: Tensor, images: int) -> Tensor:
    """The shares (rows, ...) of a linear layer's bias, summed for each image: (N,)."""
    if len(shares) != images and shares.ndim == 3 and shares.shape[1] == images:
        return shares.sum((0, 2))  # tokens (L, N, C)
    if len(shares) % images:
        return shares.new_full((images,), torch.nan)  # nobody knows which rows are whose
    return shares.reshape(images, -1).sum(1)  # an image's rows, such as windows, lie together


@dataclass(frozen=True)
class _BiasCall:
    """A call that added a bias to its output."""

    output: Tensor
    bias: Tensor
    channels_last: bool


class _BiasWatch(TorchFunctionMode):
    """Notes the calls that add a bias."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[_BiasCall] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        bias = _bias(func, args, kwargs or {})
        if bias is None or not output.requires_grad:
            return output
        self.calls.append(_BiasCall(output, bias.detach(), channels_last=func is F.linear))
        # A copy, as the next call may change its input in place.
        return output.clone()


def _bias(func: Any, args: Any, kwargs: Any) -> Tensor | None:
    if func is F.batch_norm:
        return _bias_of_norm(**_BATCH_NORM.bind(*args, **kwargs).arguments)
    if func is F.linear or func in _CONVOLUTIONS:
        bias: Tensor | None = kwargs.get("bias", args[2] if len(args) > 2 else None)
        return bias
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
        return None  # it normalises by the batch itself, which is not linear
    scale = (running_var + eps).rsqrt() * (1.0 if weight is None else weight)
    return (0.0 if bias is None else bias) - running_mean * scale
