"""How often a model ran, counted while somebody asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_asked: ContextVar[Counter[str] | None] = ContextVar("passes", default=None)


@contextmanager
def counting() -> Iterator[Counter[str]]:
    """Count what runs inside: rows through the model ("forward"), through its tail, backwards."""
    counts: Counter[str] = Counter()
    token = _asked.set(counts)
    try:
        yield counts
    finally:
        _asked.reset(token)


def count(kind: str, rows: int) -> None:
    """Note that `rows` rows ran, if anybody asks."""
    counts = _asked.get()
    if counts is not None:
        counts[kind] += rows
