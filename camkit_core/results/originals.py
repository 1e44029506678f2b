"""The pictures that a model's inputs were made of, and which of them an explanation is drawn on."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..errors import ArgumentError, InputError, shown, warn
from ..inputs.models.geometry.window import Window
from .boxes import Boxes

if TYPE_CHECKING:
    from PIL.Image import Image

_ALIKE = 0.1  # of the deviation: rounding, or another way to resize
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Original:
    """The picture that a model's input was made of.

    Attributes:
        pixels: (H0, W0, 3), uint8 RGB, upright.
        shown: (H, W, 3), uint8 RGB: the model's input made visible.
        window: where the input lies in the picture; None where that is not known.
        name: of its file; None if it came from none.
    """

    pixels: Pixels
    shown: Pixels
    window: Window | None
    name: str | None = None

    def record(self, found: Boxes | None = None) -> dict[str, Any]:
        """The picture's file, its size, and the box that the model saw of it, ready for JSON.

        Args:
            found: the boxes that a detector found in its input; they are told as boxes of the
                picture.
        """
        rows, columns = self.pixels.shape[:2]
        window = self.window.record() if self.window else {"size": [rows, columns], "box": None}
        if found and self.window:
            boxes = map(self.window.to_picture, found["boxes"].tolist())
            window["boxes"] = [[round(side, 1) for side in box] for box in boxes]
        return ({"image": self.name} if self.name else {}) | {"original": window}


def ground(
    tensor: Tensor,
    known: Original | None,
    image: Any = None,
    transform: Callable[[Any], Any] | None = None,
    on: str = "original",
) -> tuple[Image, Original | None]:
    """The picture that a map is drawn on, and how the map lies in it: None for all over it.

    Args:
        tensor: the model's input, (C, H, W).
        known: the picture that it was made of, if that is known.
        image: see `Explanation.render`, as for the next two.
        transform: what made the model's input of `image`.
        on: "original" or "input".
    """
    from ..image import read_image, to_picture, visible

    if on not in ("original", "input"):
        raise ArgumentError(f"expected on='original' or on='input', got {shown(on)}")
    if image is not None:
        given = read_image(Path(image)) if isinstance(image, (str, os.PathLike)) else image
        return _ground_given(tensor, known, to_picture(given), transform)
    if transform is not None:
        raise ArgumentError(
            "transform= says how a picture became the model's input; pass the picture, too: image="
        )
    if known and known.window and on == "original":
        return to_picture(known.pixels), known
    return to_picture(known.shown if known else visible(tensor)), None


def _ground_given(
    tensor: Tensor,
    known: Original | None,
    picture: Image,
    transform: Callable[[Any], Any] | None,
) -> tuple[Image, Original | None]:
    size, pixels = (picture.height, picture.width), np.asarray(picture)
    if transform is not None:
        return picture, Original(pixels, pixels, _window_by(transform, pixels, tensor))
    if known and known.window and known.window.picture == size:
        return picture, known
    if size != tuple(tensor.shape[1:]) and tensor.ndim == 3:
        height, width = tensor.shape[1:]
        warn(
            f"the picture has {size[0]} x {size[1]} pixels, and the model's input has {height} x "
            f"{width}: the map is stretched over the whole picture, which is wrong if the "
            f"preprocessing crops or pads; pass the preprocessing, as transform=, and the map is "
            f"put in its place"
        )
    return picture, None


def _window_by(transform: Callable[[Any], Any], pixels: Pixels, tensor: Tensor) -> Window:
    """Where the model's input lies in a picture that a transform makes it of."""
    from ..inputs.models.geometry.measured import window_of
    from ..inputs.models.sources.own_preprocessing import preprocessing_of

    prepare = preprocessing_of(transform, "transform=", "got").tensor
    made, given = prepare(pixels), tensor.detach().cpu().float()
    if made.shape != given.shape:
        raise InputError(
            f"transform= makes an input {tuple(made.shape)} of this picture, and the model was "
            f"given {tuple(given.shape)}; pass the picture and the transform that it was made by"
        )
    if (made - given).abs().mean() > _ALIKE * given.std():
        warn(
            "transform= makes another input of this picture than the model was given, so the map "
            "may be of another picture, or in another place; pass the picture and the transform "
            "that the input was made by"
        )
    try:
        return window_of(prepare, (pixels.shape[0], pixels.shape[1]))
    except InputError as error:
        raise InputError(
            f"where the model's input lies in the picture cannot be measured for this transform=: "
            f"{error}; leave both out, and draw on the model's input"
        ) from error
