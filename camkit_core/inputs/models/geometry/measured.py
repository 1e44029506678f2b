"""What a preprocessing does to a picture, measured: synthetic pictures go through it."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ....errors import InputError, in_brief
from .window import Box, Window

Array = NDArray[np.float64]
Prepare = Callable[[NDArray[np.uint8]], Tensor]

_LEVELS = 255
_GOLDEN = 0.6180339887
_MOST_HIDDEN = 0.05  # of the part of the input that shows the picture
_FEW, _FLAT, _LEAST_ALIKE = 24, 2.0, 0.9  # pixels, levels, correlation
_FEWEST_FITTING = 0.9  # of the points of the input that lie in the picture


def window_of(prepare: Prepare, size: tuple[int, int]) -> Window:
    """Where the input that a preprocessing makes lies in a picture.

    A black picture and a white one undo what is done to the colours. A picture that grows lighter
    to the right tells for each column of the input where it comes from, and one that grows lighter
    downwards tells it for the rows. So it holds for any function that resizes, crops, pads, mirrors
    and changes colours linearly, whoever wrote it.

    Args:
        prepare: from a picture (H0, W0, 3), uint8 RGB, to the model's input (C, H, W).
        size: (H0, W0) of the picture.

    Raises:
        InputError: if it is anything else, such as a rotation or a random crop, saying why.
    """
    with _random_states_watched():
        black = _run(prepare, _plain(size, 0))
        shades = _run(prepare, _plain(size, _LEVELS)) - black
        weight = (shades**2).sum(0)
        part = _shown_part(weight)
        x1, y1, x2, y2 = part
        seen = np.s_[:, y1:y2, x1:x2]

        def levels(picture: NDArray[np.uint8]) -> Array:
            """How light a picture of greys is in the input, from 0 to 1: (rows, columns)."""
            changed = (_run(prepare, picture) - black)[seen] * shades[seen]
            found: Array = changed.sum(0) / weight[y1:y2, x1:x2]
            return found

        rows, columns = size
        left, step_x = _line(levels(_ramp(rows, columns, 1)), columns, x1)
        top, step_y = _line(levels(_ramp(rows, columns, 0)).T, rows, y1)
    height, width = weight.shape
    whole = part == (0, 0, width, height)
    shown: Box | None = None if whole else tuple(map(float, part))  # type: ignore[assignment]
    return Window(size, (height, width), (left, top), (step_x, step_y), shown)


def _run(prepare: Prepare, picture: NDArray[np.uint8]) -> Array:
    try:
        made = prepare(picture)
    except Exception as error:
        raise InputError(f"it failed on a plain picture ({in_brief(error)})") from error
    values: Array = made.detach().cpu().double().numpy()
    return values


def _plain(size: tuple[int, int], level: int) -> NDArray[np.uint8]:
    return np.full((*size, 3), level, np.uint8)


def _ramp(rows: int, columns: int, axis: int) -> NDArray[np.uint8]:
    """Greys (rows, columns, 3) that grow along an axis; along the other they are rounded in turn.

    The mean of many is so exact to far less than one of the 256 levels.
    """
    length, beside = ((rows, columns), (columns, rows))[axis]
    exact = (np.arange(length) + 0.5) / length * _LEVELS
    share = (np.arange(beside) * _GOLDEN % 1).astype(np.float32)
    along, across = (np.s_[:, None], np.s_[None])[:: 1 if axis == 0 else -1]
    up = (exact % 1).astype(np.float32)[along] > share[across]
    greys = exact.astype(np.uint8)[along] + up
    return np.repeat(greys[..., None], 3, axis=2)


def _shown_part(weight: Array) -> tuple[int, int, int, int]:
    """The box of the input that is not the same for a black and a white picture."""
    shown = weight > 1e-3 * weight.max()
    if not weight.max() > 0:
        raise InputError("it makes the same input of a black picture as of a white one")
    xs, ys = np.flatnonzero(shown.any(0)), np.flatnonzero(shown.any(1))
    box = int(xs[0]), int(ys[0]), int(xs[-1]) + 1, int(ys[-1]) + 1
    if shown[box[1] : box[3], box[0] : box[2]].mean() < 1 - _MOST_HIDDEN:
        raise InputError("it hides parts of the picture")
    return box


def _line(levels: Array, length: int, start: int) -> tuple[float, float]:
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
    step = length / _LEVELS
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
    near = 0.6 * abs(slope) + 0.1 * max(1, length / _LEVELS)
    edges = [min((0.0, float(length)), key=lambda edge: abs(edge - end)) for end in ends]
    if edges[0] != edges[1] and all(
        abs(end - edge) < near for end, edge in zip(ends, edges, strict=True)
    ):
        slope = (edges[1] - edges[0]) / (last - first)
        offset = edges[0] - slope * first
    return offset, slope


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
    if min(here.std(), there.std()) < _FLAT:
        return True
    return abs(float(np.corrcoef(here.ravel(), there.ravel())[0, 1])) > _LEAST_ALIKE


def _thumbnail(picture: NDArray[np.uint8], box: Box) -> Array:
    """A part of a picture in grey, at a few pixels."""
    height, width = picture.shape[:2]
    x1, y1 = max(box[0], 0), max(box[1], 0)
    x2, y2 = min(box[2], width), min(box[3], height)
    left, top = int(x1), int(y1)  # of the pixels that are needed, for what lies around is another's
    part = np.ascontiguousarray(picture[top : math.ceil(y2), left : math.ceil(x2)])
    within = (x1 - left, y1 - top, x2 - left, y2 - top)
    few = Image.fromarray(part).resize(
        (_FEW, _FEW), Image.Resampling.BILINEAR, box=within, reducing_gap=2
    )
    return np.asarray(few.convert("L"), dtype=np.float64)


@contextmanager
def _random_states_watched() -> Iterator[None]:
    """Raise InputError if random numbers are drawn inside; their states are put back."""
    before = _states()
    try:
        yield
        drawn = not _same(before, _states())
    finally:
        torch.set_rng_state(before[0])
        random.setstate(before[1])
        np.random.set_state(before[2])
    if drawn:
        raise InputError("it is random")


def _states() -> tuple[Any, Any, Any]:
    return torch.get_rng_state(), random.getstate(), np.random.get_state()


def _same(one: tuple[Any, Any, Any], other: tuple[Any, Any, Any]) -> bool:
    numpys = all(np.array_equal(a, b) for a, b in zip(one[2], other[2], strict=True))
    return bool(torch.equal(one[0], other[0])) and one[1] == other[1] and numpys
