"""Explanations of a made-up data set, of which a class has maps in a corner, as of a mark."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from camkit_core.datasets import manifest
from camkit_core.datasets.shards import ShardWriter
from helpers.explained_rows import made_rows

SIDE, NAMES = 7, ("disc", "cross")


def marked_dataset(folder: Path, count: int, marked: float = 0.4) -> set[str]:
    """Write so many rows; the ids of those of "disc" whose map lies in the lower right corner."""
    rng = np.random.default_rng(0)
    classes = np.arange(count) % 2
    marks = (classes == 0) & (rng.random(count) < marked)
    maps = [_map(rng, bool(mark)).astype(np.float16).ravel() for mark in marks]
    ids = [f"{number:05d}.png" for number in range(count)]
    names = [NAMES[each] for each in classes]
    manifest.agree(folder, {"model": "made up"})
    with ShardWriter(folder, lambda: {"model": "made up"}) as writer:
        writer.add(
            made_rows(
                ids, map=maps, grid=[[SIDE, SIDE]] * count, class_index=classes.tolist(),
                class_name=names, top_class=classes.tolist(), top_name=names,
                top_probability=rng.uniform(0.3, 1, count).tolist(),
            )
        )  # fmt: skip
    return {ids[number] for number in np.flatnonzero(marks)}


def _map(rng: np.random.Generator, marked: bool) -> np.ndarray:
    """Evidence at a place of the middle, or in the corner."""
    values = rng.uniform(0, 0.1, (SIDE, SIDE))
    row, column = (6, 6) if marked else rng.integers(1, 4, 2)
    values[row : row + 2, column : column + 2] += rng.uniform(0.7, 0.9)
    return values
