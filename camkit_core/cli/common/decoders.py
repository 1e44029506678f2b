"""OpenCV as the command uses it: within the limit on pixels, and without a word of its own."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from ...image import opencv

_LIMIT = "OPENCV_IO_MAX_IMAGE_PIXELS"


@contextlib.contextmanager
def quiet_decoders() -> Iterator[None]:
    """What OpenCV, libpng, libjpeg and libtiff print themselves, from C, is thrown away.

    That a picture is broken is said by camkit, in one line.
    """
    _opencv_within_limit()
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _opencv_within_limit() -> None:
    """OpenCV reads a limit of its own when it is imported: a second guard, should a header lie."""
    if "cv2" in sys.modules or _LIMIT in os.environ:
        return
    from ...image import pixel_limit  # late, as numpy comes with it

    os.environ[_LIMIT] = str(pixel_limit())
    try:
        opencv()
    finally:
        del os.environ[_LIMIT]
