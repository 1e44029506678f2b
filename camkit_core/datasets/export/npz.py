"""Explanations as one `.npz` file of NumPy, written column by column."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...results.whole_files import written_whole
from ..arrow import arrow, compute
from ..opened import ExplainedDataset

ROWS = 20_000  # that are written at a time
Array = NDArray[Any]
Make = Callable[[Any], Array]


def to_npz(maps: ExplainedDataset, output: str | Path) -> Path:
    """Write a data set as arrays; returns the path.

    There is an array of each column, a value for each row: texts, int32 (-1 where there is none)
    and float32 (nan). `map` is (N, h, w), float16, where all maps have one grid; of other data sets
    it is flat, and row i has `map[map_start[i]:map_start[i + 1]]` in the shape `grid[i]`. Maps are
    divided by their `scale`, as in the data set, and nan after an error.

    Args:
        maps: the data set.
        output: a file ending in .npz.

    Raises:
        PathError: if it cannot be written.
    """
    lengths, grids, rows = _looked_at(maps)
    with (
        written_whole(output) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        for name in sorted(_TEXTS):
            kind = np.dtype(f"<U{max(lengths[name], 1)}")
            parts = (_texts(column, kind) for column in _columns(maps, name))
            _write(archive, name, kind, (rows,), parts)
        for name in _INTS:
            parts = (_filled(column, -1, np.int32) for column in _columns(maps, name))
            _write(archive, name, np.dtype(np.int32), (rows,), parts)
        for name in _FLOATS:
            parts = (_filled(column, np.nan, np.float32) for column in _columns(maps, name))
            _write(archive, name, np.dtype(np.float32), (rows,), parts)
        _write_maps(archive, maps, grids, rows)
    return Path(output)


_TEXTS = frozenset(
    ("id", "target", "method", "class_name", "top_name", "label_name", "layer", "options", "error")
)
_INTS = ("class_index", "top_class", "label")
_FLOATS = ("score", "probability", "top_probability", "scale", "seconds")


def _columns(maps: ExplainedDataset, name: str) -> Iterator[Any]:
    for batch in maps.batches([name], ROWS):
        yield batch.column(name)


def _looked_at(maps: ExplainedDataset) -> tuple[dict[str, int], set[tuple[int, ...]], int]:
    """The length of the longest text of each column, the grids, and the number of rows."""
    lengths, grids, rows = dict.fromkeys(_TEXTS, 0), set(), 0
    for batch in maps.batches([*sorted(_TEXTS), "grid"], ROWS):
        rows += batch.num_rows
        for name in _TEXTS:
            longest = compute.max(compute.utf8_length(batch.column(name))).as_py() or 0
            lengths[name] = max(lengths[name], longest)
        grid = batch.column("grid")
        texts = compute.binary_join(grid.cast(arrow.list_(arrow.string())), "x")
        for text in texts.unique().to_pylist():
            if text is not None:
                grids.add(tuple(map(int, text.split("x"))))
    return lengths, grids, rows


def _texts(column: Any, kind: np.dtype[Any]) -> Array:
    return np.array(compute.fill_null(column, "").to_pylist(), kind)


def _filled(column: Any, empty: float, kind: Any) -> Array:
    values = compute.fill_null(column, empty).to_numpy(zero_copy_only=False)
    return np.asarray(values, kind)


def _write_maps(archive: Any, maps: Any, grids: set[tuple[int, ...]], rows: int) -> None:
    half = np.dtype(np.float16)
    if len(grids) == 1:
        (grid,) = grids
        parts = (_whole(column, grid) for column in _columns(maps, "map"))
        _write(archive, "map", half, (rows, *grid), parts)
        return
    counts = [
        compute.fill_null(compute.list_value_length(column), 0).to_numpy(zero_copy_only=False)
        for column in _columns(maps, "map")
    ]
    starts = np.concatenate([[0], np.cumsum(np.concatenate([[], *counts]))]).astype(np.int64)
    rank = max(map(len, grids), default=2)
    flat = (column.flatten().to_numpy(zero_copy_only=False) for column in _columns(maps, "map"))
    _write(archive, "map", half, (int(starts[-1]),), flat)
    _write(archive, "map_start", starts.dtype, starts.shape, iter([starts]))
    sides = (_sides(column, rank) for column in _columns(maps, "grid"))
    _write(archive, "grid", np.dtype(np.int32), (rows, rank), sides)


def _whole(column: Any, grid: tuple[int, ...]) -> Array:
    values = np.full((len(column), int(np.prod(grid))), np.nan, np.float16)
    there = column.is_valid().to_numpy(zero_copy_only=False)
    values[there] = column.flatten().to_numpy(zero_copy_only=False).reshape(-1, values.shape[1])
    return values.reshape(-1, *grid)


def _sides(column: Any, rank: int) -> Array:
    """Grids as rows of one length, from the right; 0 where there is no map."""
    rows = [([0] * rank + (grid or []))[-rank:] for grid in column.to_pylist()]
    return np.array(rows, np.int32).reshape(-1, rank)


def _write(
    archive: Any, name: str, kind: np.dtype[Any], shape: tuple[int, ...], parts: Iterator[Array]
) -> None:
    """One array of the file, part after part."""
    descr = np.lib.format.dtype_to_descr(kind)
    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
        header = {"descr": descr, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for part in parts:
            file.write(np.ascontiguousarray(part, kind).tobytes())
