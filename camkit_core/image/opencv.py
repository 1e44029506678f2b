"""OpenCV, imported late, and decoding without a log of its own."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from ..errors import ImportFailed

_lock = threading.Lock()
_levels: list[int] = []  # OpenCV's log level before, once for each decoder that runs


def opencv() -> Any:
    """The module `cv2`, imported when a picture is read or coloured, and nowhere else.

    Raises:
        ImportFailed: if it cannot be imported, with the package that needs no system library.
    """
    try:
        import cv2
    except ImportError as error:
        raise ImportFailed(
            f"OpenCV cannot be imported ({error}); where system libraries are missing, "
            f"pip install opencv-python-headless in place of opencv-python"
        ) from error
    return cv2


@contextlib.contextmanager
def quiet_opencv() -> Iterator[None]:
    """OpenCV logs nothing meanwhile: that a picture is broken is said by an error.

    The level is one for all threads: the first decoder takes it down, and the last puts it back.
    """
    logging = getattr(getattr(opencv(), "utils", None), "logging", None)
    if logging is None:  # an OpenCV that is too old to be asked
        yield
        return
    with _lock:
        _levels.append(_levels[0] if _levels else logging.setLogLevel(0))
    try:
        yield
    finally:
        with _lock:
            before = _levels.pop()
            if not _levels:
                logging.setLogLevel(before)
