"""A table printed row by row, as its rows are measured."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any


def row(*cells: Any) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(map(str, cells))} |"


def head(*names: str) -> list[str]:
    """The names of the columns, and the line below them."""
    return [row(*names), row(*["---"] * len(names))]


def printed(rows: Iterable[str], output: Path | None) -> None:
    """Print rows as they come, and write all of them to a file, if one is given."""
    lines = []
    for line in rows:
        lines.append(line)
        print(line, flush=True)
    if output:
        output.write_text("\n".join(lines) + "\n")
