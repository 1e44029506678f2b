"""Files of the command: the images it reads, and how its output is named and written."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ...errors import CamkitError

_PICTURES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


def image_files(given: Iterable[str]) -> list[Path]:
    """The files given, each once; a folder stands for the pictures in it, without subfolders.

    Raises:
        CamkitError: if a folder has no pictures.
    """
    return list(dict.fromkeys(path for text in given for path in _expanded(Path(text))))


def _expanded(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    pictures = sorted(file for file in path.iterdir() if file.suffix.lower() in _PICTURES)
    if not pictures:
        raise CamkitError(f"no pictures in folder {path}; expected {', '.join(_PICTURES)}")
    return pictures


def writable_folder(path: str) -> Path:
    """The folder, made if it is not there; a file is written to it as a trial.

    Raises:
        CamkitError: if no file can be written to it.
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
    """A temporary path to write to: renamed to `path` at the end, deleted after an error."""
    temporary = path.with_name(f".camkit-{os.getpid()}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def slug(text: str) -> str:
    """A text as part of a file name: up to its first comma, in lower case, without underscores."""
    first_part = text.split(",")[0].lower()
    return re.sub(r"[^\w.+]+|_+", "-", first_part).strip("-.")[:60]


class FileNames:
    """Hands out file names, none of them twice; upper and lower case count as one."""

    def __init__(self) -> None:
        self.taken: set[str] = set()

    def unused(self, name: str) -> str:
        """`name`, followed by a number if it has been handed out before."""
        numbered, count = name, 1
        while numbered.casefold() in self.taken:
            count += 1
            numbered = f"{name}-{count}"
        self.taken.add(numbered.casefold())
        return numbered
