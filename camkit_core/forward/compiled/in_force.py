"""What makes the passes of this thread, and why some of them ran eagerly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Made = tuple[Any, list[str]]  # the `passes.CompiledPasses`, and the reasons
_in_force: ContextVar[Made | None] = ContextVar("in force", default=None)


@contextmanager
def by(passes: Any) -> Iterator[list[str]]:
    """Inside, this thread's passes are made by these, or eagerly; gives why some ran eagerly."""
    reasons: list[str] = []
    token = _in_force.set((passes, reasons) if passes else None)
    try:
        yield reasons
    finally:
        _in_force.reset(token)


def compiled_passes() -> Any:
    """Those by which this thread makes its passes; None if all are eager."""
    known = _in_force.get()
    return known and known[0]


def note_reason(reason: str) -> None:
    """Note why a pass ran eagerly."""
    known = _in_force.get()
    if known and reason not in known[1]:
        known[1].append(reason)
