"""A sample of fixed size for each kind, drawn while rows go by: the same for the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SEED = 0
_WAITING = 50_000  # rows that are held before they are added to the others


class Sample:
    """Keeps at most `most` rows of each kind, each row with the same chance (a reservoir).

    Each row draws a number, and those with the smallest numbers of their kind are kept.

    Args:
        most: rows of a kind.

    Attributes:
        seen: how many rows of each kind went by.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._columns: dict[str, NDArray[Any]] = {}
        self._waiting: list[dict[str, NDArray[Any]]] = []
        self._count = 0
        self.seen = np.zeros(0, np.int64)
        self._random = np.random.default_rng(SEED)
        self._limits = np.zeros(0)

    def add(self, kinds: NDArray[np.int64], **columns: NDArray[Any]) -> None:
        """Rows of the given kinds, each with a value in every column."""
        self._grow(int(kinds.max(initial=-1)) + 1)
        np.add.at(self.seen, kinds, 1)
        drawn = self._random.random(len(kinds))
        kept = drawn < self._limits[kinds]
        fresh = {name: values[kept] for name, values in columns.items()}
        self._waiting.append(fresh | {"kind": kinds[kept], "drawn": drawn[kept]})
        self._count += int(kept.sum())
        if self._count >= _WAITING:
            self._merge()

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """What is kept of the rows, an array for each name, with `kind` among them."""
        self._merge()
        return self._columns

    def _merge(self) -> None:
        """Add the rows that wait to the others; rarely, as all are copied."""
        if not self._waiting:
            return
        parts = [self._columns, *self._waiting] if self._columns else self._waiting
        self._columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        self._waiting, self._count = [], 0
        self._trim()

    def _grow(self, count: int) -> None:
        more = count - len(self.seen)
        if more > 0:
            self.seen = np.concatenate([self.seen, np.zeros(more, np.int64)])
            self._limits = np.concatenate([self._limits, np.ones(more)])

    def _trim(self) -> None:
        """Leave out rows beyond the most of their kind; later ones must draw less than those."""
        kind, drawn = self._columns["kind"], self._columns["drawn"]
        order = np.lexsort((drawn, kind))
        ranks = np.arange(len(order)) - np.searchsorted(kind[order], kind[order])
        last = order[ranks == self.most - 1]
        self._limits[kind[last]] = drawn[last]
        kept = np.sort(order[ranks < self.most])
        if len(kept) < len(kind):
            self._columns = {name: values[kept] for name, values in self._columns.items()}

    def limit(self, most: int) -> None:
        """Keep fewer rows of each kind from now on."""
        if most < self.most:
            self._merge()
            self.most = most
            if self._columns:
                self._trim()
