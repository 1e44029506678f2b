"""Regions of the original picture that a map's evidence marks, for boxes and masks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...image import opencv
from ..sources.location import location_of
from ..windows import Windows

SIDE = 512  # pixels of the longer side that maps are thresholded at: they are no finer
_SMALLEST = 0.002  # of the picture; smaller parts are left out, unless they are the largest
Size = tuple[int, int]


@dataclass(frozen=True)
class Region:
    """A connected part of the picture.

    Attributes:
        box: left, top, width, height, in pixels of the picture.
        area: in pixels of the picture.
        mask: (rows, columns), bool, at most 512 a side.
    """

    box: tuple[float, float, float, float]
    area: float
    mask: NDArray[np.bool_]


def size_of(row: Any, facts: Any) -> tuple[Size, bool]:
    """(H0, W0) of a row's picture, upright, and True; that of the model's input, and False, where
    the picture is not there."""
    path = location_of(row.id, facts)
    if path is not None:
        try:
            with Image.open(path) as image:
                turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
                return (image.width, image.height) if turned else (image.height, image.width), True
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            pass
    height, width = row.input_size[-2:]
    return (height, width), False


def regions(row: Any, size: Size, windows: Windows | None, threshold: float) -> Iterator[Region]:
    """Connected parts where the heatmap is at least `threshold`, the largest first.

    Args:
        row: of the data set, with a map.
        size: (H0, W0), of the picture.
        windows: where the model's input lies in it; None if `size` is the input's.
        threshold: in (0, 1], of the map's own maximum.
    """
    small = _shrunk(size)
    heat = np.asarray(row.heatmap)
    placed = windows.placed(heat, small) if windows else _stretched(heat, small)
    top = float(placed.max())
    if top <= 0:
        return
    wanted = (placed >= threshold * top).astype(np.uint8)
    count, labels, stats, _ = opencv().connectedComponentsWithStats(wanted, connectivity=8)
    order = sorted(range(1, count), key=lambda label: -int(stats[label][4]))
    down, across = size[0] / small[0], size[1] / small[1]
    for place, label in enumerate(order):
        left, top_row, width, height, area = (int(value) for value in stats[label])
        if place and area < _SMALLEST * wanted.size:
            return
        box = (left * across, top_row * down, width * across, height * down)
        yield Region(box, area * across * down, labels == label)


def _shrunk(size: Size) -> Size:
    scale = min(1.0, SIDE / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _stretched(heat: NDArray[np.float32], size: Size) -> NDArray[np.float32]:
    resized = Image.fromarray(heat).resize(size[::-1], Image.Resampling.BILINEAR)
    return np.asarray(resized, np.float32)
