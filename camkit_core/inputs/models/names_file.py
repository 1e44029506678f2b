"""Class names from a file, or as they are given."""

from __future__ import annotations

import codecs
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import ArgumentTypeError, FileError, shown

ClassNames = str | Path | Sequence[str]

_LARGEST = 16_000_000
_EXPECTED = "expected a text file, one name in a line, in the order of the classes"


def read_class_names(names: ClassNames) -> tuple[str, ...]:
    """Class names from a file, or from a sequence.

    The file has one name in a line. JSON is read, too: a list of names, a dict of names by their
    index (a name may be a list, whose last item is taken, as in ImageNet's index), a dict of
    indices by name, or a configuration with `id2label`.

    Raises:
        FileError: if the file cannot be read as text, or is empty.
        ArgumentTypeError: if they are no texts, or have no order.
    """
    if not isinstance(names, (str, Path)):
        return _texts(names)
    text = _text(names)
    if text.lstrip()[:1] in ("[", "{"):
        return _from_json(text, str(names))
    listed = tuple(line.strip() for line in text.splitlines() if line.strip())
    if not listed:
        raise FileError(f"no class names in {shown(str(names))}; expected one in a line")
    return listed


def _texts(names: Any) -> tuple[str, ...]:
    ordered = by_index(names) if isinstance(names, Mapping) else names
    if isinstance(ordered, Iterable) and not isinstance(ordered, (bytes, set, frozenset)):
        listed = list(ordered)
        if all(isinstance(name, str) for name in listed):
            return tuple(map(str, listed))
    raise ArgumentTypeError(
        f"expected class names as a list of texts, or a file, got {shown(names)}"
    )


def _text(path: str | Path) -> str:
    try:
        found = Path(path)
        found = found if found.exists() else found.expanduser()
        with open(found, "rb", opener=_open_at_once) as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise ValueError("it is too large")
        utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = content.decode("utf-16" if utf16 else "utf-8-sig")
        if "\0" in text:
            raise ValueError("it is no text")
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FileError(
            f"cannot read class names from {shown(str(path))} ({reason}); {_EXPECTED}"
        ) from error
    return text


def _open_at_once(path: str, flags: int) -> int:
    # Opening a pipe waits for its writer, which may never come.
    opened = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    os.set_blocking(opened, True)
    return opened


def _from_json(text: str, path: str) -> tuple[str, ...]:
    """The names in JSON; lines that only look like it are taken as they are."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        lines = tuple(line.strip() for line in text.splitlines() if line.strip())
        if len(lines) > 1 and all(line[:1] not in "]}" for line in lines):
            return lines
        raise FileError(f"{shown(path)} begins as JSON, but is not; {_EXPECTED}") from None
    names = _in_order(content)
    if not names:
        raise FileError(
            f"no class names in {shown(path)}; expected JSON as a list of names, or as a dict of "
            f"them by index, from 0 on"
        )
    return names


def _in_order(content: Any) -> tuple[str, ...] | None:
    if isinstance(content, Mapping):
        content = by_index(content.get("id2label", content))
    if not isinstance(content, list) or not all(isinstance(name, str) for name in content):
        return None
    return tuple(content)


def by_index(content: Any) -> list[Any] | None:
    """The values of a dict with the keys 0, 1, 2, ..., in their order; None for another."""
    if not isinstance(content, Mapping):
        return None
    items = list(content.items())
    if all(type(index) is int for _, index in items):
        items = [(index, name) for name, index in items]
    named = {str(index): name for index, name in items}
    if named.keys() != {str(index) for index in range(len(items))}:
        return None
    ordered = (named[str(index)] for index in range(len(items)))
    return [name[-1] if isinstance(name, list) and name else name for name in ordered]
