"""One run over a data set: what is explained, what is left to do, where it goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..forward.chunks import bar
from . import manifest
from .arrow import compute
from .explaining.explainer import BatchExplainer
from .ids import Shard, done_in, in_shard, missing
from .locks import held_elsewhere, locked
from .retry import forget_errors
from .shards import ShardWriter, shards_in, sweep
from .sources.source import Source

_HELD = 1000  # rows of errors that wait, at most
_RUNNING = ".running-"  # how the names of locks begin


@dataclass(eq=False)
class Job:
    """One run over a data set.

    Attributes:
        source: the images.
        explainer: what makes rows of batches of them.
        folder: where shards go.
        facts: the manifest.
        batch_size: images that run together.
        workers: processes that read images, or actors; None for the usual number.
        shard: which part of the images is this run's.
        retry_errors: whether images that failed before are tried again.
        most_rows: of a shard.
    """

    source: Source
    explainer: BatchExplainer
    folder: Path
    facts: dict[str, Any]
    batch_size: int
    workers: int | None
    shard: Shard | None
    retry_errors: bool
    most_rows: int

    @contextmanager
    def begun(self) -> Iterator[Running]:
        """The run, with its images that are left; what was done is in shards in the end.

        Raises:
            ArgumentError: if the folder holds maps of another run.
            RunError: if another process does the same.
        """
        part = "all" if self.shard is None else "{}-of-{}".format(*self.shard)
        lock = self.folder / f"{_RUNNING}{part}"
        with ExitStack() as stack:
            stack.enter_context(locked(lock))
            stack.enter_context(self._manifest(lock))
            sweep(self.folder)
            if self.retry_errors:
                forget_errors(self.folder, self.shard)
            done = done_in(self.folder)
            ids = None
            if self.source.ids is not None:
                ids = missing(self.source.ids, done, self.shard)
            writer = stack.enter_context(ShardWriter(self.folder, self._facts, self.most_rows))
            shown = stack.enter_context(
                bar(total=None if ids is None else len(ids), unit="image", label="explained")
            )
            running = Running(self, ids, done, writer, shown)
            yield running
            running.release()

    @contextmanager
    def _manifest(self, lock: Path) -> Iterator[None]:
        """The manifest is there meanwhile; what began and has no row is no run that counts."""
        if self._is_first(lock):
            manifest.forget(self.folder)
        self.facts = manifest.agree(self.folder, self.facts)
        try:
            yield
        except Exception:
            if self._is_first(lock):
                manifest.forget(self.folder)
            raise

    def _is_first(self, lock: Path) -> bool:
        """Whether there are no rows, and nobody else is about to write some."""
        others = (path for path in self.folder.glob(f"{_RUNNING}*") if path != lock)
        return not shards_in(self.folder) and not held_elsewhere(others)

    def _facts(self) -> dict[str, Any]:
        """The manifest, with what is known only after the first rows."""
        return {**self.facts, **self.explainer.facts()}


@dataclass(eq=False)
class Running:
    """A run that has begun.

    Attributes:
        job: what is run.
        ids: of the images that are left, an array of PyArrow; None for a stream.
        done: the ids that had rows before.
        writer: of the shards.
        shown: the bar.
    """

    job: Job
    ids: Any
    done: Any
    writer: ShardWriter
    shown: Any
    _held: list[Any] = field(default_factory=list)
    _certain: bool = False  # whether any image was explained

    def belongs(self, name: str) -> bool:
        """Whether an image is of this run's shard."""
        return self.job.shard is None or in_shard(self.job.shard)(name)

    def add(self, rows: Any) -> None:
        """Take the rows of some images, and say how far the run is.

        Errors wait for the first image that is explained, as what is asked may be at fault.
        """
        self._held.append(rows)
        failed = rows.num_rows - rows.column("error").null_count
        self._certain = self._certain or failed < rows.num_rows
        if self._certain or sum(each.num_rows for each in self._held) > _HELD:
            self.release()

    def release(self) -> None:
        """Hand on the rows that wait."""
        for rows in self._held:
            self.writer.add(rows)
            self.shown.update(compute.count_distinct(rows.column("id")).as_py())
        self._held = []


def started_at() -> str:
    """The time, for the manifest."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
