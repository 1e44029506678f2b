"""Mistakes of the model, those first of which it was surest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrow import compute
from .truth import Truth

MOST = 24  # that are shown
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Mistake:
    """One image that the model takes for another class than its own.

    Attributes:
        position: of its row in the data set.
        image: its id.
        label: its true class.
        answer: what the model says.
        probability: of the answer; nan if it is not known.
    """

    position: int
    image: str
    label: str
    answer: str
    probability: float


class Mistakes:
    """Gathers mistakes, batch by batch. An image counts once, by its row of the first method.

    Args:
        truth: the true classes.

    Attributes:
        images: how many images have a label.
        wrong: how many of them the model takes for another class.
        surest: mistakes, the surest first.
        names: of the classes that the model said, by number.
    """

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.images = self.wrong = 0
        self.surest: list[Mistake] = []
        self.names: dict[int, str] = {}
        self._asked: tuple[str, str] | None = None

    def add(self, first: int, batch: Any) -> None:
        """The rows of a batch, whose first is the row `first` of the data set."""
        chosen = np.flatnonzero(self._once(batch))
        if not len(chosen):
            return
        batch = batch.take(chosen)
        self._learn(batch)
        labelled, wrong = self._judged(batch)
        self.images += int(labelled.sum())
        self.wrong += int(wrong.sum())
        rows = np.flatnonzero(wrong)
        sure = _numbers(batch.column("top_probability"))
        best = rows[np.argsort(-np.nan_to_num(sure[rows], nan=-1), kind="stable")[:MOST]]
        self._keep(batch.take(best), first + chosen[best], sure[best])

    def _once(self, batch: Any) -> Flags:
        """One row of each image: of the method and the target of the first row without an error."""
        there = batch.column("error").is_null()
        if self._asked is None and there.true_count:
            row = batch.filter(there).slice(0, 1).to_pylist()[0]
            self._asked = row["method"], row["target"]
        if self._asked is None:
            return np.zeros(batch.num_rows, bool)
        method, target = (
            compute.equal(batch.column(name), value)
            for name, value in zip(("method", "target"), self._asked, strict=True)
        )
        flags: Flags = compute.and_(compute.and_(method, target), there).to_numpy(
            zero_copy_only=False
        )
        return flags

    def _judged(self, batch: Any) -> tuple[Flags, Flags]:
        """Which rows have a label that can be compared, and which of them are wrong."""
        numbers, names = self.truth.of(batch)
        answers = _integers(batch.column("top_class"))
        called = batch.column("top_name").to_numpy(zero_copy_only=False)
        by_number = (numbers >= 0) & (answers >= 0)
        wrong = by_number & (numbers != answers)
        has_name = np.array([name is not None for name in names], bool)
        named = has_name & np.array([name is not None for name in called], bool) & ~by_number
        self.truth.met += int(((numbers >= 0) | has_name).sum())
        same = [plain(names[row]) == plain(called[row]) for row in np.flatnonzero(named)]
        wrong[named] = ~np.array(same, bool)
        # Of names, those that the model never says are no labels that it could have given.
        self.truth.known += int(by_number.sum()) + sum(same)
        return by_number | named, wrong

    def _learn(self, batch: Any) -> None:
        classes, rows = np.unique(_integers(batch.column("top_class")), return_index=True)
        called = batch.column("top_name").take(rows).to_pylist()
        self.names |= {
            number: name for number, name in zip(classes.tolist(), called, strict=True) if name
        }

    def _keep(self, batch: Any, positions: Any, sure: Any) -> None:
        numbers, names = self.truth.of(batch)
        rows = zip(
            positions.tolist(), batch.column("id").to_pylist(), numbers, names,
            batch.column("top_class").to_pylist(), batch.column("top_name").to_pylist(),
            sure.tolist(), strict=True,
        )  # fmt: skip
        for position, image, number, name, answer, called, probability in rows:
            label, said = self._shown(name, int(number)), self._shown(called, answer)
            self.surest.append(Mistake(position, image, label, said, probability))
        self.surest.sort(key=lambda mistake: -np.nan_to_num(mistake.probability, nan=-1))
        del self.surest[MOST:]

    def _shown(self, name: str | None, number: int | None) -> str:
        return name or self.names.get(-1 if number is None else number) or f"class {number}"


def plain(name: str) -> str:
    """A class's name without case, underscores, and the synonyms behind its first comma.

    >>> plain("Tiger_cat"), plain("tench, Tinca tinca")
    ('tiger cat', 'tench')
    """
    return " ".join(name.split(",")[0].replace("_", " ").casefold().split())


def _numbers(column: Any) -> NDArray[np.float64]:
    values: NDArray[np.float64] = column.to_numpy(zero_copy_only=False).astype(np.float64)
    return values


def _integers(column: Any) -> NDArray[np.int64]:
    values = compute.fill_null(column, -1).to_numpy(zero_copy_only=False)
    return np.asarray(values, np.int64)
