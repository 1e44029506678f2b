"""The files of the command: which images it reads, and how what it writes is named and written."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import CamkitError

_PICTURES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


def image_files(given: Iterable[str]) -> list[Path]:
    """The files given, each once; a folder stands for the pictures right inside it.

    Raises:
        CamkitError: if a folder has no pictures.
    """
    found = [path for text in given for path in _expanded(Path(text))]
    return list(dict.fromkeys(found))


def _expanded(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    pictures = sorted(one for one in path.iterdir() if one.suffix.lower() in _PICTURES)
    if not pictures:
        raise CamkitError(f"no pictures in folder {path}; expected {', '.join(_PICTURES)}")
    return pictures


def writable_folder(path: str) -> Path:
    """The folder, made if it is not there, after a proof that files can be written to it.

    Raises:
        CamkitError: if they cannot.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        reason = error.strerror or error
        raise CamkitError(
            f"cannot write to output folder {path!r} ({reason}); give another (--output)"
        ) from error


@contextmanager
def atomically(path: Path) -> Iterator[Path]:
    """A path to write to; it becomes `path` when all is written, and vanishes after an error."""
    temporary = path.with_name(f".camkit-{os.getpid()}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def slug(text: str) -> str:
    """A text as part of a file name: its first words, in lower case, without underscores."""
    first = text.split(",")[0].lower()
    return re.sub(r"[^\w.+]+|_+", "-", first).strip("-.")[:60]


class FileNames:
    """Hands out file names, none of them twice, whatever the system thinks of upper case."""

    def __init__(self) -> None:
        self.taken: set[str] = set()

    def unused(self, name: str) -> str:
        """`name`, with a number behind it if it has been handed out before."""
        numbered, count = name, 1
        while numbered.casefold() in self.taken:
            count += 1
            numbered = f"{name}-{count}"
        self.taken.add(numbered.casefold())
        return numbered
