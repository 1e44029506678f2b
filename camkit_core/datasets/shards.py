"""Shards: Parquet files of some thousand rows, each of which is there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..errors import PathError
from .arrow import arrow, parquet
from .schema import NAMES, with_metadata

ROWS = 10_000  # of a shard, about 2 to 3 MB
SECONDS = 300.0  # after which a shard is written however few rows it has
_GROUP = 1_000  # rows that are read together where one is asked for
_OLD = 3600.0  # seconds after which nobody is still writing a file
_PLAIN = {"id", "map", "score", "probability", "top_probability", "scale", "seconds"}
_LEVEL = 9  # of zstd: one percent of the time that explaining takes


class ShardWriter:
    """Gathers rows, and writes them as shards; leaving it writes those that are left.

    Rows that are added together are in one shard, so an image is done or not.

    Args:
        folder: an existing folder.
        facts: what the files' metadata says; asked for as each shard is written.
        most_rows: of a shard; it is written when it has as many.
        most_seconds: after which a shard is written however few rows it has.

    Attributes:
        written: how many rows are in shards.
    """

    def __init__(
        self,
        folder: Path,
        facts: Callable[[], Mapping[str, Any]],
        most_rows: int = ROWS,
        most_seconds: float = SECONDS,
    ) -> None:
        self.folder, self.facts = folder, facts
        self.most_rows, self.most_seconds = most_rows, most_seconds
        self.written = 0
        self._batches: list[Any] = []
        self._rows, self._since = 0, time.monotonic()

    def add(self, batch: Any) -> None:
        """Add a record batch of `SCHEMA`; a shard that is full is written.

        Raises:
            PathError: if a shard cannot be written.
        """
        if not self._rows:
            self._since = time.monotonic()
        self._batches.append(batch)
        self._rows += batch.num_rows
        if self._rows >= self.most_rows or time.monotonic() - self._since >= self.most_seconds:
            self.flush()

    def flush(self) -> None:
        """Write the rows gathered so far as a shard."""
        if self._rows:
            table = arrow.Table.from_batches(self._batches, self._batches[0].schema)
            write_shard(self.folder, table.cast(with_metadata(self.facts())))
            self.written += self._rows
            self._batches, self._rows = [], 0

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.flush()


def write_shard(folder: Path, table: Any) -> Path:
    """Write a table as a new shard, under a name that comes after those before.

    Raises:
        PathError: if it cannot be written; no part of it is left.
    """
    now = time.time_ns()
    name = f"part-{time.strftime('%Y%m%dT%H%M%S', time.gmtime(now // 10**9))}"
    return replace_shard(folder / f"{name}{now % 10**9:09d}-{secrets.token_hex(4)}.parquet", table)


def replace_shard(path: Path, table: Any) -> Path:
    """Write a table as a shard of this name, in place of one that may be there.

    Raises:
        PathError: if it cannot be written; no part of it is left.
    """
    folder = path.parent
    temporary = folder / f".{path.name}.{socket.gethostname()}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as file:
            _write(table, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _keep(folder)
    except OSError as error:
        raise PathError(
            f"cannot write {os.fspath(path)!r}: {error.strerror or error}; make room, and start "
            f"again: what was written before is kept"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return path


def _write(table: Any, file: Any) -> None:
    parquet.write_table(
        table,
        file,
        row_group_size=_GROUP,
        compression="zstd",
        compression_level=_LEVEL,
        use_dictionary=[name for name in NAMES if name not in _PLAIN],
        write_statistics=["id", "class_index", "label", "top_class"],
    )


def _keep(folder: Path) -> None:
    """Have the folder's list of files on the disk, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def shards_in(folder: Path) -> list[Path]:
    """The shards of a folder, in the order in which they were written."""
    return sorted(folder.glob("part-*.parquet"))


def sweep(folder: Path) -> None:
    """Delete what killed runs have left half written; not what another run may be writing."""
    for path in folder.glob(".part-*.tmp"):
        with contextlib.suppress(OSError, ValueError):
            if _nobody_writes(path):
                path.unlink()


def _nobody_writes(path: Path) -> bool:
    host, process = path.name.removesuffix(".tmp").split(".parquet.", 1)[1].rsplit(".", 1)
    if time.time() - path.stat().st_mtime > _OLD:
        return True
    return host == socket.gethostname() and not _runs(int(process))


def _runs(process: int) -> bool:
    if os.name == "nt":  # where kill asks nothing, but ends the process
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True
