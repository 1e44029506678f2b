"""From a picture to a model's input, and back to the part of the picture that the model saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from ...errors import ArgumentError, ArgumentTypeError, shown

Picture = NDArray[np.uint8]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
_USUAL = "fit, middle 7/8"
UNSTATED = f"{_USUAL}, as nothing says otherwise"  # of a model that comes without a preprocessing
_MOST_PIXELS = 1 << 28
_MOST, _LEAST_STD = 1e30, 1e-30

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
        how: in a few words how the picture is resized, for the record; "" for `transform`'s name.
    """

    size: tuple[int, int] = (224, 224)
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    transform: Callable[[Any], Tensor] | None = None
    how: str = ""

    def tensor(self, picture: Picture) -> Tensor:
        """The model's input (3, H, W), float32, of a picture (H', W', 3), uint8 RGB."""
        image = Image.fromarray(picture)
        if self.transform is not None:
            return self.transform(image)
        height, width = self.size
        fitted = ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR, bleed=1 / 16)
        values = torch.from_numpy(np.array(fitted)).permute(2, 0, 1) / 255
        return self.normalised(values)

    def normalised(self, values: Tensor) -> Tensor:
        """Values in [0, 1] (3, H, W), less the mean, divided by the deviation."""
        return (values - _column(self.mean)) / _column(self.std)

    def picture(self, tensor: Tensor) -> Picture:
        """The picture (H, W, 3), uint8 RGB, that a model's input (3, H, W) was made of."""
        values = tensor.detach().cpu().float() * _column(self.std) + _column(self.mean)
        rounded: Picture = (values.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
        return rounded

    def changed(
        self,
        size: int | Sequence[int] | None = None,
        mean: float | Sequence[float] | None = None,
        std: float | Sequence[float] | None = None,
    ) -> Preprocessing:
        """This preprocessing with the given values in place of its own; itself if none is given.

        Raises:
            ArgumentError: if the size is not one or two positive whole numbers, or the colours
                are not one finite number or three.
            ArgumentTypeError: if something else than numbers is given.
        """
        if size is None and mean is None and std is None:
            return self
        return replace(
            self,
            size=self.size if size is None else _height_width(size),
            mean=self.mean if mean is None else _colours("mean", mean),
            std=self.std if std is None else _colours("std", std),
            transform=None,
            how="",
        )

    def record(self) -> dict[str, Any]:
        """What was done to a picture, ready for JSON: size, mean, std and the way of resizing."""
        own = _USUAL if self.transform is None else type(self.transform).__name__
        return {
            "size": list(self.size),
            "mean": list(map(float, self.mean)),
            "std": list(map(float, self.std)),
            "resize": self.how or own,
        }


def _column(values: Sequence[float]) -> Tensor:
    return torch.tensor(values, device="cpu").view(-1, 1, 1)


def _height_width(size: Any) -> tuple[int, int]:
    sides = _numbers("size", size)
    if len(sides) not in (1, 2) or not all(side >= 1 and side == int(side) for side in sides):
        raise ArgumentError(
            f"expected size as one or two positive whole numbers (H, W), got {shown(size)}"
        )
    height, width = int(sides[0]), int(sides[-1])
    if height * width > _MOST_PIXELS:
        raise ArgumentError(f"a size of {height} x {width} is too large for a model's input")
    return height, width


def _colours(name: str, values: Any) -> tuple[float, ...]:
    numbers = _numbers(name, values)
    if len(numbers) not in (1, 3) or (name == "std" and min(numbers) < _LEAST_STD):
        above = " above zero" if name == "std" else ""
        raise ArgumentError(f"expected {name} as one or three numbers{above}, got {shown(values)}")
    return tuple(numbers) if len(numbers) == 3 else (numbers[0],) * 3


def _numbers(name: str, given: Any) -> list[float]:
    """The numbers given: one, or several in a list, a tuple, an array or a tensor."""
    listed = given.tolist() if hasattr(given, "tolist") else given
    values = list(listed) if isinstance(listed, Sequence) else [listed]
    if isinstance(listed, (str, bytes)) or not all(
        isinstance(value, Real) and not isinstance(value, bool) for value in values
    ):
        raise ArgumentTypeError(f"expected {name} as numbers, got {shown(given)}")
    if not all(abs(value) < _MOST and value == value for value in values):
        raise ArgumentError(f"expected {name} as finite numbers, got {shown(given)}")
    return values
