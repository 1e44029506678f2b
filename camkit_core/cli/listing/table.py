"""Aligned columns that fit the terminal: long cells are wrapped, not cut."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from textwrap import wrap

from ..common.messages import visible

Row = Sequence[str]
_NARROWEST = 30  # letters of the column that is wrapped


def terminal_width() -> int:
    """The terminal's width; where stdout goes elsewhere, as wide as any line, so that lines stay.

    The environment variable COLUMNS goes before both.
    """
    if os.environ.get("COLUMNS", "").isdecimal() or _on_a_terminal():
        return max(40, shutil.get_terminal_size((120, 24)).columns)
    return sys.maxsize


def _on_a_terminal() -> bool:
    try:
        return sys.__stdout__ is not None and sys.__stdout__.isatty()
    except ValueError:  # it is closed
        return False


def table(rows: Sequence[Row], width: int, wrapped: int = 1) -> list[str]:
    """Lines of aligned columns, at most `width` letters where that can be.

    Args:
        rows: cells of texts, as many in each row.
        width: of the terminal.
        wrapped: the column whose texts go on in the next line. The cells before it that would
            leave it too little room stand in a line of their own.
    """
    cells = [[visible(cell) for cell in row] for row in rows]
    if not cells:
        return []
    widths = _widths(cells, width, wrapped)
    return [line for row in cells for line in _lines(row, widths, wrapped)]


def _widths(cells: Sequence[Row], width: int, wrapped: int) -> list[int]:
    """The width of each column; the first is narrower than its longest cells where it has to be."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    others = sum(widths) - widths[wrapped] + 2 * (len(widths) - 1)
    if width - others < min(_NARROWEST, widths[wrapped]):
        room = max(min(width - (others - widths[0]) - _NARROWEST, width * 2 // 5), 8)
        fitting = [len(row[0]) for row in cells if len(row[0]) <= room]
        others += max(fitting, default=4) - widths[0]
        widths[0] = max(fitting, default=4)
    widths[wrapped] = max(min(widths[wrapped], width - others), min(20, widths[wrapped]))
    return widths


def _lines(row: Row, widths: Sequence[int], wrapped: int) -> Iterator[str]:
    """One row as lines: the first has all cells, the others what is left of the wrapped one."""
    row = list(row)
    if len(row[0]) > widths[0]:
        yield row[0]
        row[0] = ""
    first, *rest = wrap(row[wrapped], widths[wrapped]) or [""]
    row[wrapped] = first
    yield "  ".join(f"{cell:{size}}" for cell, size in zip(row, widths, strict=True)).rstrip()
    indent = sum(widths[:wrapped]) + 2 * wrapped
    for part in rest:
        yield f"{'':{indent}}{part}"
