"""What `camkit explain-dataset` does: one run, and in the end what came of it."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..datasets.arrow import compute
from ..datasets.opened import ExplainedDataset
from ..datasets.run import explain_dataset
from .common.answers import put
from .common.arguments import LOADING
from .common.messages import say_above_bar, visible
from .common.model import load, preparation

_NAMED = 10  # errors that are named


def explain_rows(arguments: argparse.Namespace, options: Mapping[str, Any]) -> int:
    """Explain what is left of a data set; 0 if no row of the output is an error, else 1."""
    model = load(arguments.model, {name: getattr(arguments, name) for name in LOADING})
    with _ended_as_by_ctrl_c():
        maps = explain_dataset(
            model,
            arguments.source,
            arguments.output,
            arguments.method,
            arguments.target,
            arguments.engine,
            layer=arguments.layer,
            labels=arguments.labels,
            batch_size=arguments.batch_size,
            workers=arguments.workers,
            shard=arguments.shard,
            retry_errors=arguments.retry_errors,
            dtype=arguments.dtype,
            memory_format="channels_last" if arguments.channels_last else None,
            compile=arguments.compile or None,
            **options,
        )
    say_above_bar(f"note: {preparation(model)}")
    return _conclude(maps, arguments.output)


@contextmanager
def _ended_as_by_ctrl_c() -> Iterator[None]:
    """Inside, SIGTERM, by which schedulers end a job, keeps what was done, as Ctrl-C does."""

    def interrupted(*signal_and_frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _conclude(maps: ExplainedDataset, output: str) -> int:
    """Say how many rows there are, and which images failed; the exit code."""
    failed = maps.filter(compute.field("error").is_valid())
    put(f"{visible(output)}  {len(maps)} rows  {len(failed)} errors")
    if not len(failed):
        return 0
    reasons = {row.id: row.error for row in failed[: _NAMED * 10]}
    for name, reason in list(reasons.items())[:_NAMED]:
        say_above_bar(f"error: {visible(name)}: {visible(reason)}")
    if len(reasons) > _NAMED:
        say_above_bar(f"more errors are in the table: the rows of {visible(output)} with an error")
    return 1
