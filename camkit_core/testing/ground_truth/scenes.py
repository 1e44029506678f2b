"""Glyph scenes: pictures in which only the arrangement of five cells tells a class.

Each scene has three objects. An object is five square cells in a box of three by three, turned and
mirrored at random, with its own size, colour, texture and position. Eight arrangements are the
classes; the other arrangements of five cells are neutral. So neither the number of objects nor
their area, colour or contrast tells a class (see controls.py).

Every object has a stand-in: a neutral object with as many cells, in the same colour, texture and
box. If a glyph is exchanged for its stand-in, the glyph alone is gone: the counterfactual.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# The pentominoes that fit three by three, by their letters; rows from the top.
_CELLS = {
    "F": "011110010",
    "P": "110110100",
    "T": "111010010",
    "U": "101111000",
    "V": "100100111",
    "W": "100110011",
    "X": "010111010",
    "Z": "110010011",
}
CLASSES = tuple(_CELLS)
NEUTRAL = "neutral"
SIZE = 64  # pixels along a side
OBJECTS = 3
CELL_SIZES = (5, 6, 7)
GRIDS = (4, 8, 16)  # corners along a side of the clouds behind the objects


@dataclass(frozen=True, eq=False)
class Glyph:
    """One object of a scene.

    Attributes:
        kind: a class, or "neutral".
        mask: (H, W), bool, its pixels.
        stand_in: (H, W), bool, the pixels of its neutral stand-in.
        box: top, left, and the length of a side, of the square that holds both.
        paint: (H, W, 3), float, its colour and texture at every pixel of the picture.
    """

    kind: str
    mask: Array
    stand_in: Array
    box: tuple[int, int, int]
    paint: Array


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture, and the truth about it.

    Attributes:
        background: (H, W, 3), float, in [0, 1].
        objects: the objects; none touches another.
    """

    background: Array
    objects: tuple[Glyph, ...]

    def picture(self, exchanged: Sequence[int] = ()) -> Array:
        """The scene (H, W, 3), uint8, RGB; the numbered objects exchanged for their stand-ins."""
        image = self.background.copy()
        for number, glyph in enumerate(self.objects):
            pixels = glyph.stand_in if number in exchanged else glyph.mask
            image[pixels] = glyph.paint[pixels]
        return np.asarray(np.rint(image * 255), np.uint8)

    @property
    def labels(self) -> Array:
        """(K,), bool: which classes are in the scene."""
        kinds = [glyph.kind for glyph in self.objects]
        return np.array([name in kinds for name in CLASSES])

    def mask(self, kind: str) -> Array:
        """(H, W), bool: the pixels of a class; empty if it is not in the scene."""
        empty = np.zeros(self.background.shape[:2], bool)
        return next((glyph.mask for glyph in self.objects if glyph.kind == kind), empty)

    def number(self, kind: str) -> int:
        """Which of the objects is of a class."""
        return [glyph.kind for glyph in self.objects].index(kind)


def make_scene(
    seed: int, kinds: Sequence[str] | None = None, size: int = SIZE, grids: Sequence[int] = GRIDS
) -> Scene:
    """A scene that depends on nothing but its arguments.

    Args:
        seed: of the random numbers.
        kinds: of each object, a class or "neutral", each class at most once; None for three
            objects, each of a random class or neutral, with equal odds.
        size: of the square picture, in pixels.
        grids: how many corners each of the background's clouds has along a side.
    """
    rng = np.random.default_rng(seed)
    rough = 0.05 * rng.normal(size=(size, size, 3))
    background = np.clip(0.5 + 0.15 * _clouds(rng, size, grids) + rough, 0, 1)
    kinds = _kinds(rng) if kinds is None else kinds
    boxes = _boxes(rng, len(kinds), size)
    objects = [_glyph(rng, kind, box, size) for kind, box in zip(kinds, boxes, strict=True)]
    return Scene(background, tuple(objects))


def _kinds(rng: np.random.Generator) -> list[str]:
    while True:
        drawn = rng.integers(2 * len(CLASSES), size=OBJECTS)
        kinds = [CLASSES[k] if k < len(CLASSES) else NEUTRAL for k in drawn]
        named = [kind for kind in kinds if kind != NEUTRAL]
        if len(named) == len(set(named)):
            return kinds


def _glyph(rng: np.random.Generator, kind: str, box: tuple[int, int, int], size: int) -> Glyph:
    colour = rng.uniform(0, 1, 3)
    paint = np.clip(colour + 0.08 * rng.normal(size=(size, size, 3)), 0, 1)
    corner = rng.random(2)  # where in its box a glyph lies that does not fill it
    masks = []
    for drawn in (kind, NEUTRAL):
        shapes = arrangements(drawn)
        masks.append(_drawn(shapes[rng.integers(len(shapes))], box, corner, size))
    return Glyph(kind, masks[0], masks[1], box, paint)


def _drawn(cells: Array, box: tuple[int, int, int], corner: Array, size: int) -> Array:
    top, left, side = box
    cell = side // 3
    filled = np.kron(cells, np.ones((cell, cell), bool))
    down, right = (
        int(at * (4 - count)) * cell for at, count in zip(corner, cells.shape, strict=True)
    )
    mask = np.zeros((size, size), bool)
    mask[top + down :, left + right :][: len(filled), : filled.shape[1]] = filled
    return mask


def _boxes(rng: np.random.Generator, count: int, size: int) -> list[tuple[int, int, int]]:
    """Squares with a gap of two pixels or more between them."""
    while True:
        boxes = []
        for side in 3 * rng.choice(CELL_SIZES, count):
            top, left = rng.integers(0, size - side + 1, 2)
            boxes.append((int(top), int(left), int(side)))
        if all(_apart(*pair) for pair in combinations(boxes, 2)):
            return boxes


def _apart(first: tuple[int, int, int], second: tuple[int, int, int]) -> bool:
    least = max(first[2], second[2]) + 2
    return abs(first[0] - second[0]) >= least or abs(first[1] - second[1]) >= least


def _clouds(rng: np.random.Generator, size: int, grids: Sequence[int]) -> Array:
    """Smooth noise (size, size, 3) of unit deviation: random grids, bilinearly enlarged."""
    total = np.zeros((size, size, 3))
    for grid in grids:
        values = rng.normal(size=(grid, grid, 3))
        at = np.linspace(0, grid - 1, size)
        low = at.astype(int)
        high, part = np.minimum(low + 1, grid - 1), at - low
        rows = values[low] * (1 - part)[:, None, None] + values[high] * part[:, None, None]
        smooth = rows[:, low] * (1 - part)[:, None] + rows[:, high] * part[:, None]
        total += smooth * rng.uniform(0.3, 1)
    return np.asarray(total / total.std())


@cache
def arrangements(kind: str) -> list[Array]:
    """The arrangements of cells of a class, or of neutral objects: bool arrays, trimmed."""
    if kind != NEUTRAL:
        return list(_turned(_of(kind)).values())
    taken = {key for name in CLASSES for key in _turned(_of(name))}
    neutral = {}
    for filled in combinations(range(9), 5):
        trimmed = _trimmed(np.isin(np.arange(9), filled).reshape(3, 3))
        if _key(trimmed) not in taken and trimmed.size >= 6:
            neutral[_key(trimmed)] = trimmed
    return list(neutral.values())


def _of(name: str) -> Array:
    return np.array([letter == "1" for letter in _CELLS[name]]).reshape(3, 3)


def _turned(cells: Array) -> dict[Any, Array]:
    """The arrangement, turned and mirrored in all ways."""
    ways = [np.rot90(cells, turns) for turns in range(4)]
    trimmed = [_trimmed(each) for way in ways for each in (way, way[:, ::-1])]
    return {_key(each): each for each in trimmed}


def _trimmed(cells: Array) -> Array:
    rows, columns = np.flatnonzero(cells.any(1)), np.flatnonzero(cells.any(0))
    return cells[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _key(cells: Array) -> tuple[Any, bytes]:
    return cells.shape, cells.tobytes()
