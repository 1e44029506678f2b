"""OpenCV, imported when a picture is read or coloured, and nowhere else."""

from __future__ import annotations

from typing import Any

from .errors import CamkitError


def opencv() -> Any:
    """The module `cv2`.

    Raises:
        CamkitError: if it cannot be imported, with the package that needs no system library.
    """
    try:
        import cv2
    except ImportError as error:
        raise CamkitError(
            f"OpenCV cannot be imported ({error}); where system libraries are missing, "
            f"pip install opencv-python-headless in place of opencv-python"
        ) from error
    return cv2
