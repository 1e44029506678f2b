"""One reading of all rows, batch by batch: what each part of the report needs is gathered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrow import arrow, compute
from .places import Floats, common_grid, evidence, mass, planar

ROWS = 10_000  # that are worked on at a time

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Kind:
    """What maps are compared by: the method that made them, and the class that they are of."""

    method: str
    name: str
    index: int | None = None

    def __str__(self) -> str:
        return self.name if self.index is None or self.name else str(self.index)


class Kinds:
    """Numbers the kinds, in the order in which they are first met."""

    def __init__(self) -> None:
        self.kinds: list[Kind] = []
        self._known: dict[tuple[str, Any], int] = {}

    def of(self, batch: Any) -> Ints:
        """The number of each row's kind."""
        method = batch.column("method").dictionary_encode()
        index = compute.fill_null(batch.column("class_index"), -1).to_numpy(zero_copy_only=False)
        name = compute.coalesce(batch.column("class_name"), batch.column("target"))
        names = name.dictionary_encode()
        codes = names.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        # A class is known by its number, and by its name where it has none.
        classes = np.where(index >= 0, index.astype(np.int64), -1 - codes)
        methods = method.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        pairs = np.stack([methods, classes])
        _, first, rows = np.unique(pairs, axis=1, return_index=True, return_inverse=True)
        numbers = [self._number(batch, name, int(row)) for row in first]
        return np.asarray(numbers, np.int64)[rows.reshape(-1)]

    def _number(self, batch: Any, names: Any, row: int) -> int:
        method = batch.column("method")[row].as_py()
        index = batch.column("class_index")[row].as_py()
        name = names[row].as_py()
        key = (method, name if index is None else index)
        if key not in self._known:
            given = batch.column("class_name")[row].as_py()
            shown = name if index is None else given or f"class {index}"
            self._known[key] = len(self.kinds)
            self.kinds.append(Kind(method, shown, index))
        return self._known[key]


@dataclass(frozen=True)
class Maps:
    """Maps of one grid among the rows of a batch.

    Attributes:
        rows: (N,), which rows of the batch they are of.
        masses: (N, h, w), each sums to 1, or is all zero where the map has no evidence.
        blank: (N,), whether it has none.
    """

    rows: Ints
    masses: Floats
    blank: NDArray[np.bool_]


def batches(source: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    """Record batches joined to larger ones, each with the position of its first row."""
    first, held, count = 0, [], 0
    for batch in source:
        held.append(batch)
        count += batch.num_rows
        if count >= ROWS:
            yield first, _joined(held)
            first, held, count = first + count, [], 0
            arrow.default_memory_pool().release_unused()  # or as much again stays with the pool
    if count:
        yield first, _joined(held)


def _joined(held: Sequence[Any]) -> Any:
    return arrow.Table.from_batches(held).combine_chunks().to_batches()[0]


def maps_of(batch: Any) -> Iterator[Maps]:
    """The maps of a batch, those of one grid together; rows without a map are left out."""
    column, grids = batch.column("map"), batch.column("grid")
    there = compute.and_(column.is_valid(), grids.is_valid()).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(there)
    if not len(rows):
        return
    for grid, chosen in _by_grid(grids.filter(arrow.array(there)), rows):
        values = column.take(arrow.array(chosen)).flatten().to_numpy(zero_copy_only=False)
        masses = mass(evidence(values.reshape(len(chosen), -1), grid))
        yield Maps(chosen, masses, np.asarray(masses.max(axis=(1, 2)) <= 0))


def _by_grid(grids: Any, rows: Ints) -> Iterator[tuple[tuple[int, ...], Ints]]:
    """Each grid among the rows, with the rows that have it."""
    sides = grids.flatten().to_numpy(zero_copy_only=False).astype(np.int64)
    ranks = compute.list_value_length(grids).to_numpy(zero_copy_only=False).astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(ranks)[:-1]])
    for rank in np.unique(ranks):
        same = ranks == rank
        table = sides[starts[same][:, None] + np.arange(rank)]
        found, which = np.unique(table, axis=0, return_inverse=True)
        for number, grid in enumerate(found):
            yield tuple(map(int, grid)), rows[same][which.reshape(-1) == number]


class CommonGrids:
    """The grid that a method's maps are compared on: that of its first map, or a coarser one."""

    def __init__(self) -> None:
        self._grids: dict[str, tuple[int, int]] = {}

    def of(self, method: str, grid: Sequence[int]) -> tuple[int, int]:
        """The grid of a method, one of whose maps has `grid`."""
        return self._grids.setdefault(method, common_grid(planar(grid)))
