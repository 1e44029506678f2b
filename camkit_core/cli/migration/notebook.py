"""A notebook's cells of code as one source text, and back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from .homes import concerned_text
from .python import is_python
from .rewrite import Rewritten

_MARK = "# camkit: cell "
_MAGIC = re.compile(r"^\s*(?:[%!?]|\w+\s*=\s*[%!]|[\w.]+\?{1,2}\s*$)")
_FORMATS: list[dict[str, Any]] = [
    {"indent": indent, "ensure_ascii": ascii_only, "separators": separators}
    for indent in (1, 2, 4, "\t", None)
    for ascii_only in (False, True)
    for separators in (None, (",", ":"))
]


def rewritten_notebook(text: str, rewrite: Callable[[str], Rewritten]) -> Rewritten:
    """The notebook with its cells of code rewritten, formatted as it was.

    Raises:
        ValueError: if it is no notebook.
        Exception: what `rewrite` raises for cells that are no Python.
    """
    document = json.loads(text)
    cells = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(cells, list):
        raise ValueError("it has no cells")
    hidden: dict[str, str] = {}
    code = [(number, _plain(source, number, hidden)) for number, source in _code(cells)]
    whole = "".join(f"{_MARK}{n}\n{source}\n" for n, source in code if is_python(source))
    result = rewrite(whole)
    left = [(0, f"{_cell_of(whole, line)}: {why}") for line, why in result.left]
    left += [(0, f"cell {n + 1} is no Python") for n, source in code if _lost(source)]
    if result.code == whole:
        return Rewritten(text, left)
    for number, source in _parts(result.code):
        _set_source(cells[number], _with_magic(source, hidden))
    return Rewritten(_formatted(document, text), left)


def _code(cells: list[Any]) -> Iterator[tuple[int, str]]:
    """(place, source) of each cell of Python."""
    for number, cell in enumerate(cells):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            source = "".join(cell.get("source", []))
            if not source.startswith("%%") or source.startswith(("%%time", "%%capture")):
                yield number, source


def _plain(source: str, cell: int, hidden: dict[str, str]) -> str:
    """The source with lines that are no Python replaced by such that do nothing."""
    if is_python(source):
        return source
    lines = source.split("\n")
    for place, line in enumerate(lines):
        if _MAGIC.search(line):
            indent = line[: len(line) - len(line.lstrip())]
            key = f"pass  # camkit: magic {cell}.{place}"
            hidden[key] = line[len(indent) :]
            lines[place] = indent + key
    return "\n".join(lines)


def _with_magic(source: str, hidden: dict[str, str]) -> str:
    return re.sub(r"pass  # camkit: magic \d+\.\d+", lambda found: hidden[found[0]], source)


def _lost(source: str) -> bool:
    """Whether a cell that cannot be read names one of the libraries."""
    return not is_python(source) and concerned_text(source)


def _parts(whole: str) -> Iterator[tuple[int, str]]:
    pieces = re.split(f"^{_MARK}" + r"(\d+)\n", whole, flags=re.MULTILINE)[1:]
    for number, source in zip(pieces[::2], pieces[1::2], strict=True):
        yield int(number), source.removesuffix("\n")


def _cell_of(whole: str, line: int) -> str:
    """The cell that a line of the whole lies in, and its line there."""
    before = whole.split("\n")[:line]
    place = max(index for index, text in enumerate(before) if text.startswith(_MARK))
    return f"cell {int(before[place].split()[-1]) + 1}, line {line - place - 1}"


def _set_source(cell: Any, source: str) -> None:
    """In the form that the cell had: a text, or a list of lines."""
    was = cell["source"]
    if source != "".join(was):
        cell["source"] = source if isinstance(was, str) else source.splitlines(keepends=True)


def _formatted(document: Any, before: str) -> str:
    """The document as JSON, in the format that the file has."""
    end = before[len(before.rstrip()) :]
    for settings in _FORMATS:
        if json.dumps(json.loads(before), **settings) + end == before:
            return json.dumps(document, **settings) + end
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
