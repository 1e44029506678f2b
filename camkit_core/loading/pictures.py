"""A picture as it is given, in a file, by PIL or as an array: upright RGB pixels and a name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ..image import read_image, to_picture


@dataclass(frozen=True, eq=False)
class Photo:
    """A picture that was read.

    Attributes:
        pixels: (H, W, 3), uint8 RGB, upright.
        name: of its file; None if it came from none.
    """

    pixels: NDArray[np.uint8]
    name: str | None = None


Picture = str | os.PathLike[str] | Image.Image | NDArray[np.uint8] | Photo


def is_picture(given: Any) -> bool:
    """Whether this is a picture: a path, a PIL image, uint8 pixels (H, W, 3), or a `Photo`."""
    if isinstance(given, np.ndarray):
        return given.dtype == np.uint8 and given.ndim in (2, 3)
    return isinstance(given, (str, os.PathLike, Image.Image, Photo))


def are_pictures(given: Any) -> TypeGuard[Any]:
    """Whether this is a picture, or a list of nothing but pictures."""
    if isinstance(given, (list, tuple)):
        return bool(given) and all(map(is_picture, given))
    return is_picture(given)


def photos(given: Any) -> list[Photo]:
    """The pictures given, one or several, read.

    Raises:
        InputError: for a file that is no picture; a PathError for one that cannot be opened.
    """
    several: Sequence[Any] = given if isinstance(given, (list, tuple)) else [given]
    return list(map(_photo, several))


def _photo(given: Any) -> Photo:
    if isinstance(given, Photo):
        return given
    if isinstance(given, (str, os.PathLike)):
        return Photo(read_image(Path(given)), Path(given).name)
    name = getattr(given, "filename", None)
    upright = ImageOps.exif_transpose(given) if isinstance(given, Image.Image) else given
    pixels = np.array(to_picture(upright))
    return Photo(pixels, Path(name).name if isinstance(name, str) and name else None)
