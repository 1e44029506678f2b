"""What a user's own factory states as preprocessing, brought into one form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ....errors import InputError, InputTypeError, in_brief
from ..preprocessing import Picture, Preprocessing

_TRIAL = 256  # side of a picture


@dataclass(frozen=True)
class _OwnTransform(Preprocessing):
    """A transform of the user's own, whose colours may be unknown.

    Attributes:
        known: whether mean and deviation are.
    """

    known: bool = True

    def picture(self, tensor: Tensor) -> Picture:
        """The picture (H, W, 3), uint8 RGB; in a range of its own where the colours are unknown."""
        low, high = tensor.min(), tensor.max()
        if not self.known and (low < 0 or high > 1):
            tensor = (tensor - low) / max(float(high - low), 1e-12)
        return super().picture(tensor)


def preprocessing_of(given: Any, name: str, verb: str = "returned") -> Preprocessing:
    """The preprocessing that a factory returned beside its model, or that somebody passed.

    Args:
        given: a `Preprocessing`, an image processor of transformers, or a function from a PIL
            image to the model's input (3, H, W), such as a transform of torchvision or timm.
        name: what it is called in errors, such as "the preprocessing of pkg:factory".
        verb: what its giver did.

    Raises:
        InputTypeError: for anything else, or if it makes no tensor (3, H, W).
        InputError: if it fails on a picture.
    """
    if isinstance(given, Preprocessing):
        return given
    processor = getattr(given, "image_processor", given)
    if hasattr(processor, "image_mean") and hasattr(processor, "do_resize"):
        from .image_processors import preprocessing_by

        return preprocessing_by(processor)
    if not callable(given):
        raise InputTypeError(
            f"{verb} {type(given).__name__} as preprocessing; expected a function from a PIL image "
            f"to the model's input (3, H, W), or an image processor of transformers"
        )
    return _of_transform(given, name)


@dataclass(frozen=True)
class _One:
    """A transform that is held to give one input; an object, so that it can be sent to workers.

    Attributes:
        transform: from a PIL image.
        name: what it is called in errors.
    """

    transform: Callable[[Any], Any]
    name: str

    def __call__(self, image: Any) -> Tensor:
        values = self.transform(image)
        if isinstance(values, Tensor) and values.ndim == 4 and len(values) == 1:
            values = values[0]
        if not isinstance(values, Tensor) or values.ndim != 3 or not values.is_floating_point():
            shape = tuple(values.shape) if hasattr(values, "shape") else ""
            raise InputTypeError(
                f"{self.name} made {type(values).__name__} {shape} of a picture; "
                f"expected a floating-point tensor (3, H, W)"
            )
        return values


def _of_transform(transform: Callable[[Any], Any], name: str) -> Preprocessing:
    one = _One(transform, name)
    try:
        made = one(Image.fromarray(np.zeros((_TRIAL, _TRIAL, 3), np.uint8)))
    except InputTypeError:
        raise
    except Exception as error:
        reason = in_brief(error)
        raise InputError(
            f"{name} failed on a PIL image ({reason}); expected a function "
            f"from a PIL image to the model's input (3, H, W)"
        ) from error
    colours = next(_normalisations(transform), None) or _measured(one)
    mean, std = colours or ((0.0,) * 3, (1.0,) * 3)
    size = (int(made.shape[1]), int(made.shape[2]))
    return _OwnTransform(size, mean, std, one, type(transform).__name__, colours is not None)


def _measured(transform: Callable[[Any], Tensor]) -> Any:
    """Mean and deviation by what becomes of black and of white; None if that says nothing."""
    with torch.random.fork_rng(devices=[]):
        plain = (Image.new("RGB", (_TRIAL, _TRIAL), colour) for colour in ("black", "white"))
        black, white = map(_middle, map(transform, plain))
    if len(black) != 3 or any(low == high for low, high in zip(black, white, strict=True)):
        return None
    ranges = [high - low for low, high in zip(black, white, strict=True)]
    mean = tuple(-low / whole for low, whole in zip(black, ranges, strict=True))
    return mean, tuple(1 / whole for whole in ranges)


def _middle(values: Tensor) -> list[float]:
    """The colours (3,) in the middle of an input (3, H, W)."""
    middle: list[float] = values[:, values.shape[1] // 2, values.shape[2] // 2].tolist()
    return middle


def _normalisations(transform: Any) -> Iterator[tuple[tuple[float, ...], tuple[float, ...]]]:
    """Mean and deviation of the three colours, wherever a transform or a part of it states both."""
    for part in (transform, *(getattr(transform, "transforms", None) or ())):
        mean, std = (_three(getattr(part, name, None)) for name in ("mean", "std"))
        if mean and std:
            yield mean, std


def _three(values: Any) -> tuple[float, ...] | None:
    try:
        listed = torch.as_tensor(values, dtype=torch.float64).flatten().tolist()
    except (TypeError, ValueError, RuntimeError):
        return None
    return tuple(listed * 3)[:3] if len(listed) in (1, 3) else None
