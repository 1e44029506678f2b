"""Pictures read from files: whatever is in one, it is a picture, or an InputError with its name."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..errors import CamkitError, InputError, PathError
from .opencv import opencv, quiet_opencv
from .sizes import is_picture, stated_size
from .transparency import file_on_white

Array = np.ndarray[Any, Any]
VARIABLE = "CAMKIT_MAX_PIXELS"
_BYTES_OF_A_PIXEL = 16  # no format needs more: four values of 32 bits
_ROWS = 256  # turned from BGR to RGB at a time, so that there is no second copy of the picture
_OPENCVS = 2**30  # the pixels that OpenCV itself takes at most, unless it is told otherwise
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe, not a file; write what comes out of it to a file",
    stat.S_IFSOCK: "a socket, not a file",
    stat.S_IFCHR: "a device, not a file",
    stat.S_IFBLK: "a device, not a file",
}


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
        data = _content(path, limit)
        return file_on_white(data, _turned_to_rgb(_decoded(data, limit)))
    except InputError as error:
        raise type(error)(f"cannot read {path}: {error}") from error.__cause__
    except MemoryError as error:
        raise InputError(f"cannot read {path}: the memory is too small for it") from error


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


def _content(path: str | Path, limit: int) -> bytes:
    """The bytes of a regular file, read only if they begin as a picture does."""
    try:
        _refuse_other_kinds(os.stat(path).st_mode)
        with open(path, "rb", opener=_opened_without_waiting) as file:
            _refuse_other_kinds(os.fstat(file.fileno()).st_mode)
            head = file.read(64)
            if not head:
                raise InputError("the file is empty")
            if not is_picture(head):
                raise InputError("not a picture that OpenCV can read")
            return head + file.read(limit * _BYTES_OF_A_PIXEL)
    except (OSError, ValueError) as error:
        if isinstance(error, CamkitError):
            raise
        raise PathError(_why_not_opened(os.fspath(path), error)) from error


def _opened_without_waiting(path: str, flags: int) -> int:
    # Between the two looks a file may have become a pipe, which nobody may ever write to.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _refuse_other_kinds(mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "not a file")
        raise PathError(f"{kind}; expected a picture such as .jpg or .png")


def _why_not_opened(path: str, error: OSError | ValueError) -> str:
    """Why a path cannot be read, and what to do."""
    if not path:
        return "an empty name; expected a picture such as .jpg or .png"
    if not isinstance(error, OSError):
        return f"not a name of a file ({error})"
    if not isinstance(error, FileNotFoundError):
        return error.strerror or str(error)
    if re.match(r"[a-zA-Z][\w+.-]+:/", path):
        return "an address, not a file; download the picture, and give its file"
    if os.path.islink(path):
        return f"a link to {os.readlink(path)}, and no such file is there"
    return "no such file; expected a picture such as .jpg or .png"


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
