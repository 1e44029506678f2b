"""What a preprocessing does to a picture, measured: synthetic pictures go through it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ....errors import InputError, in_brief
from .line import line
from .plain import LEVELS, plain, ramp, slope
from .window import Box, Window

Array = NDArray[np.float64]
Prepare = Callable[[NDArray[np.uint8]], Tensor]

_MOST_HIDDEN = 0.05  # of the part of the input that shows the picture
_MOST_APART = 0.02  # of all levels


def window_of(prepare: Prepare, size: tuple[int, int]) -> Window:
    """Where the input that a preprocessing makes lies in a picture.

    A black picture and a white one undo what is done to the colours. A picture that grows lighter
    to the right tells for each column of the input where it comes from, and one that grows lighter
    downwards tells it for the rows. A last one must look as these say. So it holds for any function
    that resizes, crops, pads, mirrors and changes colours linearly, whoever wrote it.

    Args:
        prepare: from a picture (H0, W0, 3), uint8 RGB, to the model's input (C, H, W).
        size: (H0, W0) of the picture.

    Raises:
        InputError: if it is anything else, such as a rotation or a random crop, saying why.
    """
    try:
        return _measured(prepare, size)
    except _RandomError:  # another thread may have drawn the numbers
        return _measured(prepare, size)


def _measured(prepare: Prepare, size: tuple[int, int]) -> Window:
    with _random_states_watched():
        black = _run(prepare, plain(size, 0))
        shades = _changed(prepare, plain(size, LEVELS), black)
        weight = (shades**2).sum(0)
        part = _shown_part(weight)
        x1, y1, x2, y2 = part
        seen = np.s_[:, y1:y2, x1:x2]

        def levels(picture: NDArray[np.uint8]) -> Array:
            """How light a picture of greys is in the input, from 0 to 1: (rows, columns)."""
            changed = _changed(prepare, picture, black)[seen] * shades[seen]
            found: Array = changed.sum(0) / weight[y1:y2, x1:x2]
            return found

        rows, columns = size
        left, step_x = line(levels(ramp(rows, columns, 1)), columns, x1)
        top, step_y = line(levels(ramp(rows, columns, 0)).T, rows, y1)
        xs = _inside((left + (np.arange(x1, x2) + 0.5) * step_x) / columns, columns)
        ys = _inside((top + (np.arange(y1, y2) + 0.5) * step_y) / rows, rows)
        errors = abs(levels(slope(rows, columns)) - (xs[None] + ys[:, None]) / 2)
        if np.median(errors) > _MOST_APART:
            raise InputError("it does not do the same to each picture")
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


def _changed(prepare: Prepare, picture: NDArray[np.uint8], black: Array) -> Array:
    """What of the input is another than that of a black picture, and by how much."""
    made = _run(prepare, picture)
    if made.shape != black.shape:
        raise InputError("it makes inputs of other sizes of other pictures")
    return made - black


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


def _inside(places: Array, length: int) -> Array:
    """Places in parts of the picture, none of them beyond the middle of the outermost pixels."""
    return places.clip(0.5 / length, 1 - 0.5 / length)


class _RandomError(InputError):
    """Random numbers were drawn."""


@contextmanager
def _random_states_watched() -> Iterator[None]:
    """Raise _RandomError if random numbers are drawn inside; their states are put back."""
    before, drawn = _states(), False
    try:
        try:
            yield
        finally:
            drawn = not _same(before, _states())
            torch.set_rng_state(before[0])
            random.setstate(before[1])
            np.random.set_state(before[2])
    except InputError as error:
        if not drawn:
            raise
        raise _RandomError("it is random") from error
    if drawn:
        raise _RandomError("it is random")


def _states() -> tuple[Any, Any, Any]:
    return torch.get_rng_state(), random.getstate(), np.random.get_state()


def _same(one: tuple[Any, Any, Any], other: tuple[Any, Any, Any]) -> bool:
    numpys = all(np.array_equal(a, b) for a, b in zip(one[2], other[2], strict=True))
    return bool(torch.equal(one[0], other[0])) and one[1] == other[1] and numpys
