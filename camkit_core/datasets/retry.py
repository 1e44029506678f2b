"""Errors that are to be tried again: their rows leave the shards first."""

from __future__ import annotations

from pathlib import Path

from .arrow import compute, parquet
from .ids import Shard, failed_in, in_shard
from .locks import locked
from .shards import replace_shard, shards_in


def forget_errors(folder: Path, shard: Shard | None) -> int:
    """Take the rows of images that failed out of the shards; returns how many rows there were.

    A shard is replaced whole. Should this be killed, what is gone is tried again, too.

    Args:
        folder: of the shards.
        shard: whose images count; None for all.
    """
    belongs = (lambda name: True) if shard is None else in_shard(shard)
    count = 0
    with locked(folder / ".rewriting", wait=True):
        for path in shards_in(folder):
            table = parquet.read_table(path, columns=["id", "error"])
            names = table.column("id").to_pylist()
            again = failed_in(table, map(belongs, names))
            failed = compute.sum(again).as_py() or 0
            if failed:
                replace_shard(path, parquet.read_table(path).filter(compute.invert(again)))
            count += failed
    return count
