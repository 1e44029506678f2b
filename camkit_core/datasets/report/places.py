"""Where a map's evidence lies: its mass on a common grid, on the border, its spread and centre.

All of it is about positive evidence: of a signed map, what lies below zero counts as nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
BORDER = 0.1  # of the picture's side, at each side
FINEST = 16  # cells along a side of the grid that maps are compared on


def planar(grid: Sequence[int]) -> tuple[int, int]:
    """A grid (h, w) for any: a signal's is one row, and a volume's slices lie on one another."""
    sides = (1, *grid) if len(grid) == 1 else tuple(grid[-2:])
    return int(sides[0]), int(sides[1])


def evidence(maps: Any, grid: Sequence[int]) -> Floats:
    """Positive evidence (N, h, w) of flat maps (N, cells); 0 where it is not finite."""
    values = np.asarray(maps, np.float32)
    values = np.where(np.isfinite(values), values, 0).clip(0, None)
    flat: Floats = values.reshape(len(values), -1, *planar(grid)).sum(1, dtype=np.float32)
    return flat


def mass(maps: Floats) -> Floats:
    """Maps (N, h, w) as shares of their own sum; all zero where there is no evidence."""
    top = maps.max(axis=(1, 2), keepdims=True)
    scaled = np.divide(maps, top, out=np.zeros_like(maps), where=top > 0)
    total = scaled.sum(axis=(1, 2), keepdims=True)
    shares: Floats = np.divide(scaled, total, out=scaled, where=total > 0)
    return shares


def resized(maps: Floats, grid: tuple[int, int]) -> Floats:
    """Mass (N, h, w) on another grid over the same picture; its sum stays."""
    if maps.shape[1:] == grid:
        return maps
    down, across = overlaps(maps.shape[1], grid[0]), overlaps(maps.shape[2], grid[1])
    moved: Floats = np.einsum("ah,nhw,bw->nab", down, maps, across, optimize=True)
    return moved


@cache
def overlaps(cells: int, wanted: int) -> Floats:
    """Of each of the old cells, the share that lies in each of the wanted ones (wanted, cells)."""
    old, new = np.arange(cells + 1) / cells, np.arange(wanted + 1) / wanted
    upper = np.minimum(new[1:, None], old[None, 1:])
    lower = np.maximum(new[:-1, None], old[None, :-1])
    shares: Floats = ((upper - lower).clip(0) * cells).astype(np.float32)
    return shares


def common_grid(grid: Sequence[int]) -> tuple[int, int]:
    """The grid that maps are compared on: a map's own, or a coarser one of 16 cells a side."""
    height, width = planar(grid)
    return min(height, FINEST), min(width, FINEST)


@dataclass(frozen=True)
class Places:
    """Where each of N maps lies.

    Attributes:
        border: (N,), the share of its mass in the outer tenth of the picture; 0.36 if it is even.
        entropy: (N,), in [0, 1]: 0 is one cell, 1 is the same everywhere.
        centre: (N, 2), its centre of mass, across and down, in [0, 1].
    """

    border: Floats
    entropy: Floats
    centre: Floats


def places(masses: Floats) -> Places:
    """Where the mass (N, h, w) lies; nan for maps without any."""
    _, height, width = masses.shape
    border = 1 - np.einsum("nhw,hw->n", masses, inside(height, width))
    logs = np.log(masses, out=np.zeros_like(masses), where=masses > 0)
    entropy = -np.einsum("nhw,nhw->n", masses, logs) / np.log(max(height * width, 2))
    across = masses.sum(1) @ _middles(width)
    down = masses.sum(2) @ _middles(height)
    found = np.stack([border, entropy, across, down]).astype(np.float32)
    found[:, ~masses.any(axis=(1, 2))] = np.nan
    return Places(found[0], found[1], found[2:].T)


@cache
def inside(height: int, width: int) -> Floats:
    """Of each cell, the share that lies off the border (h, w)."""
    shares: Floats = np.outer(_inner(height), _inner(width)).astype(np.float32)
    return shares


def _inner(cells: int) -> Floats:
    """Of each cell along a side, the share that lies off the border; of a signal, all of it."""
    if cells == 1:
        return np.ones(1, np.float32)
    edges = np.arange(cells + 1) / cells
    inner = np.minimum(edges[1:], 1 - BORDER) - np.maximum(edges[:-1], BORDER)
    shares: Floats = (inner.clip(0) * cells).astype(np.float32)
    return shares


def _middles(cells: int) -> Floats:
    middles: Floats = ((np.arange(cells) + 0.5) / cells).astype(np.float32)
    return middles
