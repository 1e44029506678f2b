"""A sample of fixed size for each kind, drawn while rows go by: the same for the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SEED = 0


class Sample:
    """Keeps at most `most` rows of each kind, each row with the same chance (a reservoir).

    Each row draws a number, and those with the smallest numbers of their kind are kept.

    Args:
        most: rows of a kind.

    Attributes:
        columns: what is kept of the rows, an array for each name, with `kind` among them.
        seen: how many rows of each kind went by.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.columns: dict[str, NDArray[Any]] = {}
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
        fresh |= {"kind": kinds[kept], "drawn": drawn[kept]}
        if not self.columns:
            self.columns = fresh
        else:
            self.columns = {
                name: np.concatenate([values, fresh[name]]) for name, values in self.columns.items()
            }
        self._trim()

    def _grow(self, count: int) -> None:
        more = count - len(self.seen)
        if more > 0:
            self.seen = np.concatenate([self.seen, np.zeros(more, np.int64)])
            self._limits = np.concatenate([self._limits, np.ones(more)])

    def _trim(self) -> None:
        """Leave out rows beyond the most of their kind; later ones must draw less than those."""
        kind, drawn = self.columns["kind"], self.columns["drawn"]
        order = np.lexsort((drawn, kind))
        ranks = np.arange(len(order)) - np.searchsorted(kind[order], kind[order])
        last = order[ranks == self.most - 1]
        self._limits[kind[last]] = drawn[last]
        kept = np.sort(order[ranks < self.most])
        if len(kept) < len(kind):
            self.columns = {name: values[kept] for name, values in self.columns.items()}

    def limit(self, most: int) -> None:
        """Keep fewer rows of each kind from now on."""
        if most < self.most:
            self.most = most
            if self.columns:
                self._trim()
