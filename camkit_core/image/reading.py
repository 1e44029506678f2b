"""Pictures read from files: whatever is in one, it is a picture, or an InputError with its name."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..errors import InputError
from .files import content
from .opencv import opencv, quiet_opencv
from .sizes import stated_size
from .transparency import file_on_white

Array = np.ndarray[Any, Any]
VARIABLE = "CAMKIT_MAX_PIXELS"
_BYTES_OF_A_PIXEL = 16  # no format needs more: four values of 32 bits
_ROWS = 256  # turned from BGR to RGB at a time, so that there is no second copy of the picture
_OPENCVS = 2**30  # the pixels that OpenCV itself takes at most, unless it is told otherwise


def read_image(path: str | Path, max_pixels: int | None = None) -> Array:
    """The picture in a file: (H, W, 3), uint8, RGB, upright, on white where it is transparent.

    Args:
        path: of a file in any format that OpenCV reads.
        max_pixels: the most pixels that the file's header may state: a small file can hold
            a picture that fills the memory. By default the number in the environment variable
            `CAMKIT_MAX_PIXELS`, or else where Pillow stops, at 178,956,970 (twice
            `PIL.Image.MAX_IMAGE_PIXELS`).

    Raises:
        InputError: if it is no picture that OpenCV can read, or has more pixels than the limit.
        PathError: if there is no such file, or it cannot be opened; it is an InputError, too.
    """
    limit = pixel_limit(max_pixels)
    try:
        return decoded_picture(content(path, limit * _BYTES_OF_A_PIXEL), limit)
    except InputError as error:
        raise type(error)(f"cannot read {path}: {error}") from error.__cause__


def decoded_picture(data: bytes, max_pixels: int | None = None) -> Array:
    """The picture in a file's content; as `read_image`, which has the arguments and errors."""
    try:
        return file_on_white(data, _turned_to_rgb(_decoded(data, pixel_limit(max_pixels))))
    except MemoryError as error:
        raise InputError("the memory is too small for it") from error


def pixel_limit(given: int | None = None) -> int:
    """The most pixels of a picture: those given, or by the environment, or by Pillow.

    Raises:
        InputError: for what is no number from 1 on.
    """
    text = os.environ.get(VARIABLE, "")
    if given is None and not text:
        return _OPENCVS if Image.MAX_IMAGE_PIXELS is None else 2 * Image.MAX_IMAGE_PIXELS
    name = VARIABLE if given is None else "max_pixels"
    try:
        limit = int(text if given is None else given)
    except (TypeError, ValueError, OverflowError):
        limit = 0
    if limit < 1:
        value = text if given is None else given
        raise InputError(f"expected {name} as a number of pixels from 1 on, got {value!r}")
    return limit


def _decoded(data: bytes, limit: int) -> Array:
    """The pixels (H, W, 3), BGR, of a file whose header states no more of them than the limit."""
    size = stated_size(data)
    if size is None:
        raise InputError("not a picture that OpenCV can read: its header states no size")
    _refuse_too_many(size, limit)
    cv2 = opencv()
    try:
        with quiet_opencv():
            decoded: Array | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise InputError(f"OpenCV cannot decode it ({_in_short(error)})") from error
    if decoded is None:
        raise InputError("not a picture that OpenCV can read")
    if decoded.dtype != np.uint8:
        raise InputError(f"OpenCV gives {decoded.dtype} in place of bytes; convert it to .png")
    return decoded


def _refuse_too_many(size: tuple[int, int], limit: int) -> None:
    width, height = size
    if width * height <= limit:
        return
    wider = f"{VARIABLE}={width * height}"
    if width * height > _OPENCVS:
        wider += f" and OPENCV_IO_MAX_IMAGE_PIXELS={width * height}"
    raise InputError(
        f"its header states {width} x {height} pixels, and the limit is {limit}, since a small "
        f"file can fill the memory; make it smaller, or if you trust it, set {wider} in the "
        f"environment"
    )


def _in_short(error: Exception) -> str:
    """What OpenCV says without the place in its source."""
    text = str(getattr(error, "err", "") or error)
    return re.sub(r"\s+", " ", text).strip().rstrip(".")[:200]


def _turned_to_rgb(picture: Array) -> Array:
    """The picture with its channels in the other order, block by block in place."""
    cv2 = opencv()
    if picture.ndim == 2:  # what OpenCV gives for grey .pfm, asked for colour or not
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB))
    for start in range(0, len(picture), _ROWS):
        block = picture[start : start + _ROWS]
        block[:] = cv2.cvtColor(block, cv2.COLOR_BGR2RGB)
    return picture
