"""OpenCV where many pictures are read: within the limit on pixels, and without its own words."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator

from .opencv import opencv

_lock = threading.Lock()
_kept: list[int] = []  # standard error as it was, and again for each thread that reads
_LIMIT = "OPENCV_IO_MAX_IMAGE_PIXELS"


@contextlib.contextmanager
def quiet_decoders() -> Iterator[None]:
    """What OpenCV, libpng, libjpeg and libtiff print themselves, from C, is thrown away.

    That a picture is broken is said by camkit, in one line. Standard error is one for all threads:
    the first that reads turns it away, and the last puts it back.
    """
    _opencv_within_limit()
    with _lock:
        if not _kept:
            _kept.append(_redirected())
        _kept.append(_kept[0])
    try:
        yield
    finally:
        with _lock:
            kept = _kept.pop()
            if len(_kept) == 1:
                os.dup2(kept, 2)
                os.close(_kept.pop())


def _redirected() -> int:
    """Standard error goes nowhere from now on; what it was before."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    return kept


def _opencv_within_limit() -> None:
    """OpenCV reads a limit of its own when it is imported: a second guard, should a header lie."""
    if "cv2" in sys.modules or _LIMIT in os.environ:
        return
    from .reading import pixel_limit  # late: opencv is imported within its limit

    os.environ[_LIMIT] = str(pixel_limit())
    try:
        opencv()
    finally:
        del os.environ[_LIMIT]
