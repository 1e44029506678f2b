"""What there is: rows, images, blank maps, errors and notes, each with examples."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..arrow import arrow, compute

EXAMPLES = 5  # of each kind of error, of blank maps, of each note
_DISTINCT = 100_000  # ids of images with errors that are told apart


@dataclass
class Tally:
    """How often something was met, and by which images first."""

    rows: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, count: int, ids: list[str]) -> None:
        """It was met `count` times more, by images of these ids among others."""
        self.rows += count
        self.examples += ids[: EXAMPLES - len(self.examples)]


class Counts:
    """Adds up what there is, batch by batch.

    Attributes:
        rows: all.
        asked: rows of each method for each target.
        blank: maps without any evidence, by method.
        errors: rows that could not be explained, by kind of error; the example is the text.
        notes: rows by the code of their note.
        layers: the layers that were explained, by method.
        failed: the ids of images with an error.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.asked: Counter[tuple[str, str]] = Counter()
        self.blank: dict[str, Tally] = {}
        self.errors: dict[str, Tally] = {}
        self.notes: dict[str, Tally] = {}
        self.layers: dict[str, Counter[str]] = {}
        self.failed: set[str] = set()

    @property
    def images(self) -> int:
        """How many images there are, those with an error included."""
        return max(self.asked.values(), default=0)

    def add(self, batch: Any) -> None:
        """The rows of a batch, but for their maps."""
        self.rows += batch.num_rows
        self._asked(batch)
        self._failed(batch)
        self._noted(batch)

    def add_blank(self, batch: Any, rows: Any) -> None:
        """These rows of the batch have a map without evidence."""
        if len(rows):
            chosen = batch.take(rows)
            grouped = _grouped(chosen.column("method"), chosen.column("id"))
            for method, (count, ids) in grouped.items():
                self.blank.setdefault(method, Tally()).add(count, ids)

    def _asked(self, batch: Any) -> None:
        for (method, target, layer), count in _counted(batch, "method", "target", "layer").items():
            self.asked[method, target] += count
            if layer is not None:
                self.layers.setdefault(method, Counter())[layer] += count

    def _failed(self, batch: Any) -> None:
        there = batch.column("error").is_valid()
        if not there.true_count:
            return
        failed = batch.filter(there)
        for name, text in zip(
            *(failed.column(each).to_pylist() for each in ("id", "error")), strict=True
        ):
            self.errors.setdefault(kind_of(text), Tally()).add(1, [f"{name}: {text}"])
            if len(self.failed) < _DISTINCT:
                self.failed.add(name)

    def _noted(self, batch: Any) -> None:
        column = batch.column("notes")
        codes, rows = column.flatten(), compute.list_parent_indices(column)
        if len(codes):
            grouped = _grouped(codes, batch.column("id").take(rows))
            for code, (count, ids) in grouped.items():
                self.notes.setdefault(code, Tally()).add(count, ids)


def kind_of(error: str) -> str:
    """The kind of an error: what stands before its text."""
    kind, colon, _ = error.partition(":")
    return kind.strip() if colon and " " not in kind.strip() else "error"


def _counted(batch: Any, *names: str) -> dict[tuple[Any, ...], int]:
    table = arrow.Table.from_batches([batch.select(names)])
    grouped = table.group_by(list(names)).aggregate([([], "count_all")])
    columns = [grouped.column(name).to_pylist() for name in names]
    return dict(
        zip(zip(*columns, strict=True), grouped.column("count_all").to_pylist(), strict=True)
    )


def _grouped(keys: Any, ids: Any) -> dict[str, tuple[int, list[str]]]:
    """For each key how often it is there, and the first ids that have it."""
    encoded = keys.dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    found = {}
    for number, key in enumerate(encoded.dictionary.to_pylist()):
        rows = np.flatnonzero(codes == number)
        found[key] = len(rows), ids.take(rows[:EXAMPLES]).to_pylist()
    return found
