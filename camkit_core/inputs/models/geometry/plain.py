"""Plain pictures, to measure with: of one grey, and of greys that grow with the place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEVELS = 255
_GOLDEN = 0.6180339887


def plain(size: tuple[int, int], level: int) -> NDArray[np.uint8]:
    """One grey everywhere: (H, W, 3)."""
    return np.full((*size, 3), level, np.uint8)


def ramp(rows: int, columns: int, axis: int) -> NDArray[np.uint8]:
    """Greys (rows, columns, 3) that grow along an axis; along the other they are rounded in turn.

    The mean of many is so exact to far less than one of the 256 levels.
    """
    length, beside = ((rows, columns), (columns, rows))[axis]
    exact = (np.arange(length) + 0.5) / length * LEVELS
    share = (np.arange(beside) * _GOLDEN % 1).astype(np.float32)
    along, across = (np.s_[:, None], np.s_[None])[:: 1 if axis == 0 else -1]
    up = (exact % 1).astype(np.float32)[along] > share[across]
    greys = exact.astype(np.uint8)[along] + up
    return np.repeat(greys[..., None], 3, axis=2)


def slope(rows: int, columns: int) -> NDArray[np.uint8]:
    """Greys (rows, columns, 3) that grow to the right and downwards alike."""
    xs, ys = ((np.arange(n, dtype=np.float32) + 0.5) / n * LEVELS / 2 for n in (columns, rows))
    greys = (xs[None] + ys[:, None] + 0.5).astype(np.uint8)
    return np.repeat(greys[..., None], 3, axis=2)
