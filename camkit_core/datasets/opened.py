"""A folder of explanations, opened: a table that is read lazily, and maps one by one."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..arguments import position
from ..errors import ArgumentTypeError, FileError, shown
from . import manifest
from .arrow import arrow, compute
from .arrow import dataset as datasets
from .codes import SENTENCES
from .explained import Explained
from .schema import SCHEMA, metadata_of
from .shards import shards_in

if TYPE_CHECKING:
    from PIL.Image import Image

    from ..plugins.lookup import Renderer

_TOGETHER = 10  # groups of rows that are read at once
_KEPT = 4  # groups of rows, so that rows beside each other are read once


def open_dataset(path: str | os.PathLike[str]) -> ExplainedDataset:
    """Open the explanations that `explain_dataset` wrote to a folder.

    Nothing but the manifest and the list of files is read. A run may still be going on: the rows
    are those that are there now.

    Args:
        path: the folder.

    Raises:
        FileError: if it is no such folder.

    Example:
        >>> maps = open_dataset("maps/")  # doctest: +SKIP
        >>> maps[17].heatmap, maps.render(17)  # doctest: +SKIP
        >>> import pyarrow.compute as pc  # doctest: +SKIP
        >>> maps.filter(pc.field("class_name") == "tiger cat")  # doctest: +SKIP
        >>> maps.table.to_table(columns=["id", "score"]).to_pandas()  # doctest: +SKIP
    """
    folder = Path(path)
    facts = manifest.read(folder)
    shards = shards_in(folder)
    if facts is None and not shards:
        raise FileError(
            f"{os.fspath(path)!r} is no folder of explanations: it has no {manifest.NAME}; "
            f"explain_dataset(model, source, output) writes one to output"
        )
    files = [os.fspath(shard) for shard in shards]
    return ExplainedDataset(folder, datasets.dataset(files, schema=SCHEMA, format="parquet"))


def opened(maps: Any) -> ExplainedDataset:
    """Explanations as they are, or opened by the path of their folder.

    Raises:
        ArgumentTypeError: for anything else.
        FileError: if it is no such folder.
    """
    if isinstance(maps, ExplainedDataset):
        return maps
    if isinstance(maps, (str, os.PathLike)):
        return open_dataset(maps)
    raise ArgumentTypeError(
        f"expected maps as a folder that explain_dataset wrote, or what open_dataset gives, got "
        f"{shown(maps)}"
    )


class ExplainedDataset(Sequence[Explained]):
    """Explanations of a data set, a row for each image, target and method.

    Its length is the number of rows, `[i]` is a row as an `Explained`, and iterating gives all.

    Args:
        folder: where the shards are.
        dataset: the shards, as PyArrow's.
        where: which rows count, as an expression of PyArrow's; None for all.
    """

    def __init__(self, folder: Path, dataset: Any, where: Any = None) -> None:
        self.folder = folder
        self._all, self._where = dataset, where
        self._group = lru_cache(_KEPT)(self._read_group)

    @property
    def table(self) -> Any:
        """The rows as a `pyarrow.dataset.Dataset`, of which only what is asked for is read.

        `table.to_table(columns=["id", "score"], filter=...)` reads two columns; the maps are the
        column `map`.
        """
        return self._all if self._where is None else self._all.filter(self._where)

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """What the explanations are of: model, weights' hash, preprocessing, methods, versions.

        `notes` has the sentence of each code of a note that is in a row.
        """
        facts: dict[str, Any] = dict(manifest.read(self.folder) or {})
        notes = dict(SENTENCES)
        for fragment in self._fragments:
            of_shard = metadata_of(fragment.physical_schema)
            notes |= of_shard.get("notes", {})
            facts = {**of_shard, **facts}
        return {**facts, "notes": notes}

    def _metadata(self) -> dict[str, Any]:
        return self.metadata

    @property
    def schema(self) -> Any:
        """The schema: of each column the type, and in its metadata what it is."""
        return SCHEMA

    def __len__(self) -> int:
        return self._starts[-1] if self._where is None else len(self._positions)

    def __getitem__(self, index: Any) -> Any:
        """One row; a list of rows for a slice."""
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        index = position(index, len(self), "row", "the data set") % len(self)
        if self._where is not None:
            index = int(self._positions[index])
        fragment = bisect_right(self._starts, index) - 1
        group, row = self._place(fragment, index - self._starts[fragment])
        values = self._group(fragment, group).slice(row, 1).to_pylist()[0]
        return Explained(values, self._metadata)

    def __iter__(self) -> Iterator[Explained]:
        for batch in self.batches():
            for values in batch.to_pylist():
                yield Explained(values, self._metadata)

    def __repr__(self) -> str:
        return f"<ExplainedDataset of {len(self)} rows in {os.fspath(self.folder)!r}>"

    def batches(self, columns: Sequence[str] | None = None, size: int = 1000) -> Iterator[Any]:
        """The rows as record batches of PyArrow, one after the other, so that memory stays small.

        Args:
            columns: the names of those that are read; None for all.
            size: rows of a batch, at most.
        """
        wanted = {"columns": None if columns is None else list(columns), "filter": self._where}
        for fragment in self._fragments:
            groups = range(fragment.num_row_groups)
            # A few at a time: PyArrow reads up to 1 GB ahead of whoever takes the batches of all.
            for start in groups[::_TOGETHER]:
                few = fragment.subset(row_group_ids=groups[start : start + _TOGETHER])
                yield from few.to_batches(schema=SCHEMA, batch_size=size, **wanted)

    def filter(self, expression: Any) -> ExplainedDataset:
        """The rows for which an expression of PyArrow holds.

        Args:
            expression: such as `pyarrow.compute.field("probability") > 0.9`.
        """
        both = expression if self._where is None else self._where & expression
        return ExplainedDataset(self.folder, self._all, both)

    def render(
        self,
        index: int,
        renderer: str | Renderer = "overlay",
        image: Any = None,
        transform: Callable[[Any], Any] | None = None,
        on: str = "original",
        **options: Any,
    ) -> Image:
        """The map of one row as a picture; see `Explained.render`."""
        picture: Image = self[index].render(renderer, image, transform, on, **options)
        return picture

    @cached_property
    def _fragments(self) -> list[Any]:
        return list(self._all.get_fragments())

    @cached_property
    def _starts(self) -> list[int]:
        """The position of each shard's first row, and behind them the number of rows."""
        counts = (fragment.metadata.num_rows for fragment in self._fragments)
        return list(accumulate(counts, initial=0))

    @cached_property
    def _positions(self) -> Any:
        """Of the rows that count, where they are among all; only what the filter asks is read."""
        kept = self._all.to_table(columns={"kept": self._where}).column("kept")
        return compute.indices_nonzero(kept.combine_chunks()).to_numpy()

    def _place(self, fragment: int, row: int) -> tuple[int, int]:
        """The group of a shard that has a row, and where it has it."""
        for number, group in enumerate(self._fragments[fragment].row_groups):
            if row < group.num_rows:
                return number, row
            row -= group.num_rows
        raise IndexError(row)

    def _read_group(self, fragment: int, group: int) -> Any:
        part = self._fragments[fragment].subset(row_group_ids=[group])
        return arrow.Table.from_batches(part.to_batches(schema=SCHEMA), SCHEMA)
