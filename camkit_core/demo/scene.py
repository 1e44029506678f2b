"""Scenes of shapes on a textured background, with a mask for each shape; numpy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

CLASSES = ("star", "ring", "cross", "heart", "triangle", "crescent")
DISTRACTORS = ("disc", "square", "bar")
SIZE = 112
DEMO_SEED, DEMO_KINDS = 13, ("star", "heart")
_FINE = 3  # samples along a pixel's side, for smooth edges


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture and what is in it.

    Attributes:
        image: (H, W, 3), uint8, RGB.
        masks: (K, H, W), bool, where each class is; empty where it is not in the scene.
        labels: (K,), bool, which classes are in the scene.
    """

    image: Array
    masks: Array
    labels: Array


def make_scene(seed: int, kinds: Sequence[str] | None = None, size: int = SIZE) -> Scene:
    """A scene that depends on nothing but its arguments.

    Shapes of the classes and distractors share their colours, textures, sizes and places, and
    there are as many objects whatever the classes: only the shape tells a class.

    Args:
        seed: of the random numbers.
        kinds: the classes to show, in this order; None for one to three at random, or none.
        size: of the square picture, in pixels.
    """
    rng = np.random.default_rng(seed)
    chosen = _chosen(rng) if kinds is None else list(kinds)
    fillers = rng.choice(DISTRACTORS, max(0, 4 - len(chosen)) if kinds is None else 1)
    image = _background(rng, size)
    masks = np.zeros((len(CLASSES), size, size), bool)
    places = _places(rng, len(chosen) + len(fillers), size)
    for kind, (x, y, radius) in zip([*chosen, *fillers], places, strict=True):
        cover = _cover(kind, x, y, radius, rng.uniform(-0.45, 0.45), size)
        image = image * (1 - cover[..., None]) + _paint(rng, size) * cover[..., None]
        if kind in CLASSES:
            masks[CLASSES.index(kind)] |= cover > 0.5
    noisy = image + rng.normal(0, 0.012, image.shape)
    pixels = np.rint(noisy.clip(0, 1) * 255).astype(np.uint8)
    return Scene(pixels, masks, np.asarray(masks.any((1, 2))))


def _chosen(rng: np.random.Generator) -> list[str]:
    count = int(rng.choice([0, 1, 2, 3], p=[0.1, 0.35, 0.35, 0.2]))
    return [str(name) for name in rng.choice(CLASSES, count, replace=False)]


def _background(rng: np.random.Generator, size: int) -> Array:
    base = rng.uniform(0.25, 0.75, 3)
    return base + 0.11 * _clouds(rng, size, (3, 6, 12)) + 0.025 * _clouds(rng, size, (28, 56))


def _paint(rng: np.random.Generator, size: int) -> Array:
    colour = rng.uniform(0.05, 0.95, 3)
    return colour + 0.05 * _clouds(rng, size, (10, 30))


def _clouds(rng: np.random.Generator, size: int, grids: Sequence[int]) -> Array:
    """Smooth noise (size, size, 3) of unit deviation: random grids, bilinearly enlarged."""
    total = np.zeros((size, size, 3))
    for grid in grids:
        # Mostly light and shade, as in photos, with some colour.
        shade = rng.normal(size=(grid + 1, grid + 1, 1))
        corners = shade + 0.5 * rng.normal(size=(grid + 1, grid + 1, 3))
        at = np.linspace(0, grid, size, endpoint=False)
        low, part = at.astype(int), (at % 1)[:, None, None]
        rows = corners[low] * (1 - part) + corners[low + 1] * part
        part = part.transpose(1, 0, 2)
        total += rows[:, low] * (1 - part) + rows[:, low + 1] * part
    return np.asarray(total / total.std())


def _places(rng: np.random.Generator, count: int, size: int) -> list[tuple[float, float, float]]:
    """Centres and radii of circles that do not touch each other."""
    placed: list[tuple[float, float, float]] = []
    while len(placed) < count:
        radius = size * rng.uniform(0.1, 0.16)
        x, y = rng.uniform(radius + 2, size - radius - 2, 2)
        if all(np.hypot(x - a, y - b) > radius + r + 5 for a, b, r in placed):
            placed.append((float(x), float(y), float(radius)))
        elif rng.random() < 0.005:
            placed.clear()  # a bad start can leave no room
    return placed


def _cover(kind: str, x: float, y: float, radius: float, turn: float, size: int) -> Array:
    """How much of each pixel a shape covers: (size, size) in [0, 1]."""
    fine = (np.arange(size * _FINE) + 0.5) / _FINE
    across, down = (fine[None, :] - x) / radius, (fine[:, None] - y) / radius
    u = np.cos(turn) * across + np.sin(turn) * down
    v = np.cos(turn) * down - np.sin(turn) * across
    inside = _inside(kind, u, v).astype(float)
    return np.asarray(inside.reshape(size, _FINE, size, _FINE).mean((1, 3)))


def _inside(kind: str, u: Array, v: Array) -> Array:
    """Which points belong to a shape that fills the unit circle; v points down."""
    r = np.hypot(u, v)
    if kind == "star":
        return _polygon(u, v, [(1.0 if i % 2 == 0 else 0.42, i / 10) for i in range(10)])
    if kind == "triangle":
        return _polygon(u, v, [(1.0, i / 3) for i in range(3)])
    if kind == "heart":
        x, y = 1.15 * u, 0.18 - 1.2 * v
        return np.asarray((x**2 + y**2 - 1) ** 3 < x**2 * y**3)
    shapes = {
        "ring": (r < 1) & (r > 0.58),
        "cross": (np.minimum(abs(u), abs(v)) < 0.29) & (np.maximum(abs(u), abs(v)) < 0.95),
        "crescent": (r < 1) & (np.hypot(u - 0.42, v) > 0.8),
        "disc": r < 0.85,
        "square": np.maximum(abs(u), abs(v)) < 0.74,
        "bar": (abs(u) < 0.98) & (abs(v) < 0.4),
    }
    return np.asarray(shapes[kind])


def _polygon(u: Array, v: Array, corners: Sequence[tuple[float, float]]) -> Array:
    """Points inside a polygon of (radius, turns from the top) corners, by crossing parity."""
    xs = [radius * np.sin(2 * np.pi * turn) for radius, turn in corners]
    ys = [-radius * np.cos(2 * np.pi * turn) for radius, turn in corners]
    inside = np.zeros(np.broadcast_shapes(u.shape, v.shape), bool)
    for i in range(len(corners)):
        x0, y0, x1, y1 = xs[i - 1], ys[i - 1], xs[i], ys[i]
        level = (y0 > v) != (y1 > v)
        inside ^= level & (u < (x1 - x0) * (v - y0) / (y1 - y0 + 1e-12) + x0)
    return inside
