"""A picture from standard input, which `-` stands for."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...errors import InputError, PathError

STDIN = "-"


@contextmanager
def file_of(path: Path) -> Iterator[Path]:
    """The file to read a picture from; of standard input a copy, as long as it is needed.

    Raises:
        PathError: if standard input is a terminal, or closed.
    """
    if str(path) != STDIN:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "stdin")
        copy.write_bytes(_content())
        try:
            yield copy
        except InputError as error:
            raise type(error)(str(error).replace(str(copy), "standard input")) from error


def _content() -> bytes:
    from ...image import pixel_limit

    try:
        if not sys.stdin.isatty():
            return sys.stdin.buffer.read(pixel_limit() * 16)  # as many bytes as any format needs
    except (AttributeError, ValueError, OSError) as error:
        raise PathError("standard input is closed; pipe a picture into it") from error
    raise PathError("standard input is the terminal; pipe a picture into it: - < photo.jpg")


def stem_of(path: Path) -> str:
    """What the names of a picture's files begin with."""
    return "stdin" if str(path) == STDIN else path.stem
