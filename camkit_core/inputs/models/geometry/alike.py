"""Whether a model's input looks like the part of the picture that it is said to show."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .window import Box, Window

Array = NDArray[np.float64]

_FEW, _FLAT, _LEAST_ALIKE = 24, 2.0, 0.9  # pixels, levels, correlation
_GREYS = ((1 / 3, 1 / 3, 1 / 3), (0.299, 0.587, 0.114))  # of colours in any order, of grey input


def shows(window: Window, picture: NDArray[np.uint8], shown: NDArray[np.uint8]) -> bool:
    """Whether an input looks like what lies in its window of the picture.

    It does not where a preprocessing looks for something in the picture, such as its border.

    Args:
        window: measured with plain pictures.
        picture: (H0, W0, 3), uint8 RGB.
        shown: (H, W, 3), uint8 RGB: the input made visible.
    """
    there = _thumbnail(picture, window.box)
    left, top, right, bottom = window.box
    (x0, y0), (across, down) = window.corner, window.step
    xs = sorted(((left - x0) / across, (right - x0) / across))
    ys = sorted(((top - y0) / down, (bottom - y0) / down))
    here = _thumbnail(shown, (xs[0], ys[0], xs[1], ys[1]))
    here = here[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1]
    return any(_alike(here @ shares, there @ shares) for shares in _GREYS)


def _alike(here: Array, there: Array) -> bool:
    if min(here.std(), there.std()) < _FLAT:
        return True
    return abs(float(np.corrcoef(here.ravel(), there.ravel())[0, 1])) > _LEAST_ALIKE


def _thumbnail(picture: NDArray[np.uint8], box: Box) -> Array:
    """A part of a picture at a few pixels."""
    height, width = picture.shape[:2]
    x1, y1 = max(box[0], 0), max(box[1], 0)
    x2, y2 = min(box[2], width), min(box[3], height)
    left, top = int(x1), int(y1)  # of the pixels that are needed, for what lies around is another's
    part = np.ascontiguousarray(picture[top : math.ceil(y2), left : math.ceil(x2)])
    within = (x1 - left, y1 - top, x2 - left, y2 - top)
    few = Image.fromarray(part).resize(
        (_FEW, _FEW), Image.Resampling.BILINEAR, box=within, reducing_gap=2
    )
    return np.asarray(few, dtype=np.float64)
