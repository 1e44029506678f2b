"""The line from places of a model's input to places of the picture, fitted to what was measured."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ....errors import InputError
from .plain import LEVELS

Array = NDArray[np.float64]

_FEWEST_FITTING = 0.9  # of the points of the input that lie in the picture


def line(levels: Array, length: int, start: int) -> tuple[float, float]:
    """The line from places of the input to places of the picture: its value at 0, and its slope.

    Args:
        levels: how light the input is, from 0 to 1; the columns are along the line.
        length: of the picture, along the line.
        start: the first column's place in the input.
    """
    if length == 1:
        return -start / levels.shape[1], 1 / levels.shape[1]
    found = levels.mean(0) * length
    places = start + np.arange(len(found)) + 0.5
    step = length / LEVELS
    # At the edges of the picture the resizing has nothing to go on.
    inner = (found > 0.5 + step / 2) & (found < length - 0.5 - step / 2)
    inner = inner if inner.sum() >= max(4, len(found) / 5) else np.ones_like(inner)
    slope, offset = _fitted(places[inner], found[inner])
    allowed = max(2 * step, 1.0, abs(slope))
    for _ in range(2):
        close = inner & (abs(places * slope + offset - found) <= allowed)
        if close.sum() >= 2:
            slope, offset = np.polyfit(places[close], found[close], 1)
    straight = places * slope + offset
    inside = (straight > 0) & (straight < length)
    errors = abs(straight - found)[inside]
    across = np.abs(levels - levels.mean(0))[:, inside] * length
    if not inside.any() or not slope:
        raise InputError("the input does not show the picture")
    if (errors <= allowed).mean() < _FEWEST_FITTING or np.median(across) > allowed:
        raise InputError("it does more than to resize, crop, pad and mirror the picture")
    return _snapped(float(offset), float(slope), start, start + len(found), length)


def _fitted(places: Array, found: Array) -> tuple[float, float]:
    """Slope and value at 0 of the line through most of the points (Theil and Sen)."""
    far = max(1, len(found) // 2)
    if len(found) < 2:
        return 0.0, float(found[0])
    slope = float(np.median((found[far:] - found[:-far]) / (places[far:] - places[:-far])))
    return slope, float(np.median(found - slope * places))


def _snapped(
    offset: float, slope: float, first: int, last: int, length: int
) -> tuple[float, float]:
    """The line, put to the picture's edges where it is as close to them as can be measured."""
    ends = [offset + slope * first, offset + slope * last]
    near = 0.6 * abs(slope) + 0.1 * max(1, length / LEVELS)
    edges = [min((0.0, float(length)), key=lambda edge: abs(edge - end)) for end in ends]
    if edges[0] != edges[1] and all(
        abs(end - edge) < near for end, edge in zip(ends, edges, strict=True)
    ):
        slope = (edges[1] - edges[0]) / (last - first)
        offset = edges[0] - slope * first
    return offset, slope
