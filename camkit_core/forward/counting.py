"""How often a model ran, counted inside a `with` block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_counts: ContextVar[Counter[str] | None] = ContextVar("passes", default=None)


@contextmanager
def counting() -> Iterator[Counter[str]]:
    """Count the rows that run inside: through the model ("forward"), its tail, and backward."""
    counts: Counter[str] = Counter()
    token = _counts.set(counts)
    try:
        yield counts
    finally:
        _counts.reset(token)


def count(kind: str, rows: int) -> None:
    """Add `rows` rows that ran, where they are counted."""
    counts = _counts.get()
    if counts is not None:
        counts[kind] += rows
