"""Which images are done, and which of the rest are this run's."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, shown
from .arrow import arrow, compute, parquet
from .shards import shards_in

Shard = tuple[int, int]


def done_in(folder: Path) -> Any:
    """The ids that have rows in the shards of a folder, each once; errors count as done."""
    found = [compute.unique(_ids(path)) for path in shards_in(folder)]
    return arrow.chunked_array(found, arrow.string())


def _ids(path: Path) -> Any:
    return parquet.read_table(path, columns=["id"]).column("id")


def missing(ids: Any, done: Any, shard: Shard | None) -> Any:
    """The ids that are not done and belong to a shard, in order.

    Args:
        ids: a string array of PyArrow.
        done: those that have rows.
        shard: (3, 16) for the third of 16 parts; None for all.
    """
    left = ids.filter(compute.invert(compute.is_in(ids, value_set=done)))
    if shard is None:
        return left
    belongs = in_shard(shard)
    return left.filter(arrow.array((belongs(name.as_py()) for name in left), arrow.bool_()))


class in_shard:  # noqa: N801 - it is called, as a function is
    """Whether an id belongs to a shard, whatever other images there are.

    >>> sum(in_shard((3, 16))(f"photo {number}") for number in range(16000))
    1000
    """

    def __init__(self, shard: Shard) -> None:
        self.number, self.count = shard

    def __call__(self, name: str) -> bool:
        hashed = int(name) if name.isascii() and name.isdecimal() else zlib.crc32(name.encode())
        return hashed % self.count == self.number - 1


def checked_shard(shard: Any) -> Shard | None:
    """A shard as two numbers, also from a text such as "3/16".

    Raises:
        ArgumentError: for anything but a number from 1 to N, of N.
    """
    if shard is None:
        return None
    parts = shard.split("/") if isinstance(shard, str) else shard
    try:
        number, count = map(int, parts)
    except (TypeError, ValueError):
        number, count = 0, 0
    if not 1 <= number <= count:
        raise ArgumentError(
            f"expected a shard as 3/16, the third of 16, counted from 1; got {shown(shard)}"
        )
    return number, count


def failed_in(table: Any, belongs: Iterable[bool]) -> Any:
    """Of which rows of a shard the image failed, and is to be tried again.

    Args:
        table: with the columns `id` and `error`.
        belongs: whether each row's image belongs to this run.
    """
    ids = table.column("id").combine_chunks()
    failed = compute.unique(ids.filter(table.column("error").combine_chunks().is_valid()))
    again = compute.is_in(ids, value_set=failed)
    return compute.and_(again, arrow.array(belongs, arrow.bool_()))
