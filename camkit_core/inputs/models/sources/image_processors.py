"""Image processors of transformers as preprocessing: what they do to a picture, and its inverse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from ....errors import InputError
from ..preprocessing import Picture, Preprocessing


@dataclass(frozen=True)
class _Processed(Preprocessing):
    """Preprocessing by an image processor.

    Attributes:
        flipped: whether the model reads blue, green and red, in this order.
    """

    flipped: bool = False

    def picture(self, tensor: Tensor) -> Picture:
        """The picture (H, W, 3), uint8 RGB, that a model's input (3, H, W) was made of."""
        return super().picture(tensor.flip(0) if self.flipped else tensor)


def preprocessing_by(processor: Any) -> Preprocessing:
    """The preprocessing that an image processor of transformers does."""
    flipped = bool(getattr(processor, "do_flip_channel_order", False))
    mean, std = _colours(processor)

    def transform(image: Any) -> Tensor:
        values = processor(images=image, return_tensors="pt")["pixel_values"]
        if not isinstance(values, Tensor) or values.ndim != 4 or len(values) != 1:
            raise InputError(
                f"{type(processor).__name__} makes {getattr(values, 'shape', type(values))} of a "
                f"picture, not one input (1, 3, H, W); explain such a model in Python, with all "
                f"arguments of its call: camkit_core.explain(model, inputs)"
            )
        return values[0]

    return _Processed(_size(transform), mean, std, transform, _how(processor), flipped)


def _colours(processor: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of the three colours, for values in [0, 1]."""
    factor = processor.rescale_factor if getattr(processor, "do_rescale", True) else 1.0
    scale = 255 * factor
    normal = getattr(processor, "do_normalize", True)
    mean, std = (processor.image_mean, processor.image_std) if normal else (0.0, 1.0)
    return _three(mean, scale), _three(std, scale)


def _three(values: Any, scale: float) -> tuple[float, ...]:
    listed = list(values) if isinstance(values, (list, tuple)) else [values] * 3
    return tuple(float(value) / scale for value in listed)


def _size(transform: Any) -> tuple[int, int]:
    """The input's size, of a square picture; of others it may be another one."""
    height, width = transform(np.zeros((64, 64, 3), np.uint8)).shape[1:]
    return int(height), int(width)


def _how(processor: Any) -> str:
    """The image processor's own words for how it resizes."""
    steps = {"do_resize": "size", "do_center_crop": "crop_size"}
    done = [name for step, name in steps.items() if getattr(processor, step, False)]
    sizes = [f"{name} {_plain(getattr(processor, name, None))}" for name in done]
    return ", ".join([type(processor).__name__, *sizes])


def _plain(size: Any) -> str:
    if size is None:
        return "of the picture"
    items = size.items() if isinstance(size, Mapping) else vars(size).items()
    return " ".join(f"{key}={value}" for key, value in items if value is not None)
