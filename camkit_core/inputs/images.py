"""The images, checked and made a batch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InputError, InputTypeError
from ..pytree import plain
from .placement import placed
from .seen import once


def spatial_rank(model: nn.Module, ndim: int) -> int:
    """How many of `ndim` axes are spatial: 1 for signals, 2 for images, 3 for volumes and videos.

    The model's first convolution decides. For a Conv1d, three axes are signals (N, C, L) and two a
    single signal; for a Conv3d, five are volumes (N, C, D, H, W) and four a single volume. Any
    other number of axes, or a model without convolution, means images.
    """
    first = _first_convolution(model)
    rank = len(first.kernel_size) if first else 2
    return rank if ndim in (rank + 1, rank + 2) else 2


def _first_convolution(model: nn.Module) -> nn.Conv1d | nn.Conv2d | nn.Conv3d | None:
    kinds = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
    return once(
        model,
        "first convolution",
        lambda: next((module for module in model.modules() if isinstance(module, kinds)), None),
    )


def as_batch(images: Any, model: nn.Module) -> Tensor:
    """Images as a detached (N, C, H, W) tensor, where the model is, in a dtype that it has.

    Signals become (N, C, L), volumes and videos (N, C, D, H, W); see `spatial_rank`.

    Args:
        images: tensor (N, C, H, W) or (C, H, W), floating-point, prepared for the model.
        model: decides the rank by its first convolution, device and dtype as `placed`.

    Raises:
        InputTypeError: for anything but a floating-point tensor with values of its own.
        InputError: for a tensor of other axes.
    """
    _refuse_others(images)
    axes = spatial_rank(model, images.ndim) + 2
    if images.ndim == 5 and axes == 4 and 0 not in images.shape:
        order, clip = _of_frames(images, model)
        raise InputError(
            f"expected images (N, C, H, W) or the frames (T, C, H, W) of one clip, signals "
            f"(N, C, L) for a model that begins with a Conv1d, volumes (N, C, D, H, W) for one "
            f"that begins with a Conv3d, got {tuple(images.shape)}; a model that reads clips "
            f"{order} frame by frame is explained a clip at a time, its frames as the "
            f"images, inside a module with forward(self, frames): "
            f"return self.model({clip}){_scores(model)}.expand(len(frames), -1)"
        )
    if images.ndim == axes == 5:
        _refuse_frames_first(images, model)
    if axes == 4 and images.ndim in (3, 4):
        _refuse_channels_last(images, model)
    if images.ndim not in (axes - 1, axes) or 0 in images.shape:
        raise InputError(
            f"expected images (N, C, H, W) or (C, H, W), signals (N, C, L) for a model that begins "
            f"with a Conv1d, volumes (N, C, D, H, W) for one that begins with a Conv3d, none of "
            f"them 0, got {tuple(images.shape)}{_of_language(model)}"
        )
    _refuse_integers(images)
    batch = images.detach() if images.ndim == axes else images.detach()[None]
    batch = placed(plain(batch), model)
    # A copy shares no memory with the caller's images. Unlike an inference tensor, it can have a
    # gradient.
    return batch.clone()


def _of_frames(images: Tensor, model: nn.Module) -> tuple[str, str]:
    """The axes of clips of which a model reads the frames one by one, and a clip of its frames."""
    first = _first_convolution(model)
    if first and images.shape[1] == first.in_channels != images.shape[2]:
        return "(N, C, T, H, W)", "frames[None].transpose(1, 2)"
    return "(N, T, C, H, W)", "frames[None]"


def _scores(model: nn.Module) -> str:
    """How the scores are read off what a model of transformers returns."""
    return ".logits" if type(model).__module__.startswith("transformers.") else ""


def _refuse_frames_first(images: Tensor, model: nn.Module) -> None:
    """Raise InputError for clips (N, T, C, H, W) in place of (N, C, T, H, W)."""
    first = _first_convolution(model)
    if first and images.shape[2] == first.in_channels != images.shape[1]:
        raise InputError(
            f"expected volumes (N, C, D, H, W) with {first.in_channels} channels, as the model's "
            f"first Conv3d takes them, got {tuple(images.shape)}, with the frames before the "
            f"channels; pass images.transpose(1, 2), and the model inside a module with "
            f"forward(self, clips): return self.model(clips.transpose(1, 2))"
        )


def _refuse_channels_last(images: Tensor, model: nn.Module) -> None:
    """Raise InputError for images (N, H, W, C) in place of (N, C, H, W)."""
    first = _first_convolution(model)
    if first and images.shape[-1] == first.in_channels != images.shape[-3]:
        moved = "2, 0, 1" if images.ndim == 3 else "0, 3, 1, 2"
        raise InputError(
            f"expected images (N, C, H, W) with {first.in_channels} channels, as the model's first "
            f"{type(first).__name__} takes them, got {tuple(images.shape)}, with the channels "
            f"last; pass images.permute({moved}), and a model that takes them last inside a module "
            f"with forward(self, images): return self.model(images.permute(0, 2, 3, 1))"
        )


def _of_language(model: nn.Module) -> str:
    """What to pass in place of patches alone, where a model reads texts with its images."""
    if getattr(getattr(model, "config", None), "image_token_id", None) is None:
        return ""
    return (
        "; a language model is given all that its processor makes, in a dict: "
        "camkit.explain(model, inputs, target=TokenTarget(-1))"
    )


def as_pixels(images: Any, model: nn.Module) -> Tensor:
    """Pixels as the caller gave them, whatever their axes, detached; where the model is.

    Raises:
        InputTypeError: as `as_batch`.
    """
    _refuse_others(images)
    _refuse_integers(images)
    return placed(plain(images.detach()), model).clone()


_MAKES_A_TENSOR = {
    "list": "torch.stack makes one of tensors of one size",
    "tuple": "torch.stack makes one of tensors of one size",
    "ndarray": "torch.from_numpy makes one of an array",
}
_OF_A_PICTURE = "camkit_core.image.preprocess_image makes one from a picture"


def _refuse_others(images: Any) -> None:
    if not isinstance(images, Tensor):
        kinds = [kind.__name__ for kind in type(images).__mro__]
        raise InputTypeError(
            f"expected images as a tensor (N, C, H, W) or (C, H, W), got {type(images).__name__}; "
            f"{next(filter(None, map(_MAKES_A_TENSOR.get, kinds)), _OF_A_PICTURE)}"
        )
    _refuse_special(images)


def _refuse_integers(images: Tensor) -> None:
    if not images.is_floating_point():
        raise InputTypeError(
            f"expected floating-point images, normalised as the model was trained, got "
            f"{images.dtype}; camkit_core.image.preprocess_image does that"
        )


def _refuse_special(images: Tensor) -> None:
    """Raise InputTypeError for a tensor that holds no plain values."""
    if images.is_meta:
        raise InputTypeError("the images are on the meta device, so they have no values")
    if images.is_nested:
        raise InputTypeError(
            "expected images as a dense tensor, got a nested one; images.to_padded_tensor(0) makes "
            "one, or pass the images one by one"
        )
    if images.layout != torch.strided:
        raise InputTypeError(
            f"expected images as a dense tensor, got one of layout {images.layout}; "
            f"images.to_dense() makes one"
        )
    if images.is_quantized:
        raise InputTypeError(
            "expected floating-point images, got quantised ones; images.dequantize() makes them"
        )
