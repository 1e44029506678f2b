"""Classes by where their maps lie: sums over all maps of each kind, made batch by batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .gathered import Kind
from .places import Floats, Places, resized


@dataclass(frozen=True)
class ClassPlaces:
    """Where the maps of one kind lie, over all its rows.

    Attributes:
        kind: method and class.
        maps: how many maps have evidence.
        blank: how many have none.
        mean: (h, w), the mean of their masses; it sums to 1.
        border: mean share of the mass in the outer tenth of the picture.
        entropy: mean entropy, 0 (one cell) to 1 (the same everywhere).
        centre: mean centre of mass, across and down, in [0, 1].
        off: how much of the mean map lies elsewhere than the mean of the method's other classes'
            maps, 0 to 1 (total variation); nan if there is no other.
    """

    kind: Kind
    maps: int
    blank: int
    mean: Floats
    border: float
    entropy: float
    centre: tuple[float, float]
    off: float


class ClassSums:
    """Adds up what `ClassPlaces` says, for each kind."""

    def __init__(self) -> None:
        self._mean: dict[int, NDArray[np.float64]] = {}
        self._sums = np.zeros((0, 6))  # maps, blank, border, entropy, across, down

    def add(
        self, kinds: NDArray[np.int64], masses: Floats, blank: NDArray[np.bool_], where: Places,
        grid: tuple[int, int],
    ) -> None:  # fmt: skip
        """Maps of the given kinds.

        Args:
            kinds: (N,).
            masses: (N, h, w), on the maps' own grid.
            blank: (N,), which of them have no evidence.
            where: their places.
            grid: that their means have.
        """
        more = int(kinds.max(initial=-1)) + 1 - len(self._sums)
        if more > 0:
            self._sums = np.concatenate([self._sums, np.zeros((more, 6))])
        seen = np.stack([where.border, where.entropy, where.centre[:, 0], where.centre[:, 1]], 1)
        values = np.concatenate([~blank[:, None], blank[:, None], np.nan_to_num(seen)], 1)
        np.add.at(self._sums, kinds, values)
        order = np.argsort(kinds, kind="stable")
        found, starts = np.unique(kinds[order], return_index=True)
        sums = np.add.reduceat(masses[order].astype(np.float64), starts, axis=0)
        for kind, total in zip(found.tolist(), resized(sums, grid), strict=True):
            self._mean[kind] = self._mean.get(kind, 0) + total

    def classes(self, kinds: list[Kind]) -> list[ClassPlaces]:
        """What was added, for each kind that has maps."""
        found = [number for number in sorted(self._mean) if number < len(kinds)]
        totals: dict[str, Any] = {}
        for number in found:
            method = kinds[number].method
            totals[method] = totals.get(method, 0) + self._mean[number]
        return [self._class(number, kinds[number], totals) for number in found]

    def _class(self, number: int, kind: Kind, totals: dict[str, Any]) -> ClassPlaces:
        maps, blank, *sums = self._sums[number]
        count = max(maps, 1)
        own, others = self._mean[number], totals[kind.method] - self._mean[number]
        off = (
            0.5 * abs(_shares(own) - _shares(others)).sum()
            if own.any() and others.any()
            else np.nan
        )
        border, entropy, across, down = (
            float(total / count) if maps else float("nan") for total in sums
        )
        return ClassPlaces(
            kind, int(maps), int(blank), _shares(own).astype(np.float32), border, entropy,
            (across, down), float(off),
        )  # fmt: skip


def _shares(sums: Any) -> Any:
    total = sums.sum()
    return sums / total if total > 1e-9 else sums * 0
