"""A picture as it is given, in a file, by PIL or as an array: upright RGB pixels and a name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ..errors import InputError, in_brief, shown
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
        path = os.fspath(given)
        return Photo(read_image(path), os.path.basename(path))
    if 0 in (given.size if isinstance(given, Image.Image) else given.shape):
        raise InputError(f"the picture has no pixels: {shown(given)}")
    name = getattr(given, "filename", None)
    pixels = np.array(to_picture(_upright(given) if isinstance(given, Image.Image) else given))
    return Photo(pixels, os.path.basename(name) if isinstance(name, str) and name else None)


def _upright(picture: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(picture)
    except Exception as error:  # it is read only now
        raise InputError(f"Pillow cannot read this picture ({in_brief(error)})") from error
