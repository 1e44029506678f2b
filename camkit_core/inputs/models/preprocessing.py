"""From a picture to a model's input, and back to the part of the picture that the model saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from ...errors import CamkitError

Picture = NDArray[np.uint8]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preprocessing:
    """How a picture becomes a model's input.

    Attributes:
        size: (H, W) of the model's input.
        mean: of the three colours, subtracted from values in [0, 1].
        std: of the three colours, the divisor.
        transform: a library's own transform from a PIL image to the normalised tensor; None
            for the usual one: fill `size`, keeping the middle 7/8 of the picture.
    """

    size: tuple[int, int] = (224, 224)
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    transform: Callable[[Any], Tensor] | None = None

    def tensor(self, picture: Picture) -> Tensor:
        """The model's input (3, H, W), float32, of a picture (H', W', 3), uint8 RGB."""
        image = Image.fromarray(picture)
        if self.transform is not None:
            return self.transform(image)
        height, width = self.size
        fitted = ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR, bleed=1 / 16)
        values = torch.from_numpy(np.array(fitted)).permute(2, 0, 1) / 255
        return (values - _column(self.mean)) / _column(self.std)

    def picture(self, tensor: Tensor) -> Picture:
        """The picture (H, W, 3), uint8 RGB, that a model's input (3, H, W) was made of."""
        values = tensor.detach().cpu().float() * _column(self.std) + _column(self.mean)
        rounded: Picture = (values.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
        return rounded

    def changed(
        self,
        size: Sequence[int] | None = None,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
    ) -> Preprocessing:
        """This preprocessing with the given values in place of its own; itself if none is given.

        Raises:
            CamkitError: if the size is not one or two positive numbers, or the colours are not
                one number or three.
        """
        if size is None and mean is None and std is None:
            return self
        return replace(
            self,
            size=_height_width(size) if size else self.size,
            mean=_colours("mean", mean) if mean else self.mean,
            std=_colours("std", std) if std else self.std,
            transform=None,
        )


def _column(values: Sequence[float]) -> Tensor:
    return torch.tensor(values, device="cpu").view(-1, 1, 1)


def _height_width(size: Sequence[int]) -> tuple[int, int]:
    if len(size) not in (1, 2) or min(size) < 1:
        raise CamkitError(f"expected size as one or two positive numbers (H, W), got {size}")
    return size[0], size[-1]


def _colours(name: str, values: Sequence[float]) -> tuple[float, ...]:
    if len(values) not in (1, 3) or (name == "std" and min(values) <= 0):
        above = " above zero" if name == "std" else ""
        raise CamkitError(f"expected {name} as one or three numbers{above}, got {values}")
    return tuple(values) if len(values) == 3 else (values[0],) * 3
