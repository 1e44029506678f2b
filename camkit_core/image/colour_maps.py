"""The colour maps by name: for each, 256 colours."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import unknown
from .opencv import opencv

# Equal steps of evidence look equal in all but the last two, which the field is used to.
COLOUR_MAPS = ("viridis", "inferno", "magma", "plasma", "cividis", "turbo", "jet")


def colour_table(name: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The colours of a colour map from no evidence to all of it: (256, 3), uint8 RGB.

    Raises:
        UnknownName: for a colour map that is not in `COLOUR_MAPS`.
    """
    if name not in COLOUR_MAPS:
        raise unknown("colormap", name, COLOUR_MAPS)
    cv2 = opencv()
    levels = np.arange(256, dtype=np.uint8)[:, None]
    bgr = cv2.applyColorMap(levels, getattr(cv2, f"COLORMAP_{name.upper()}"))
    return np.ascontiguousarray(bgr[:, 0, ::-1])
