"""Files that the command writes: where, and by what names."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path

from ...errors import PathError

DEFAULT_RENDERER = "overlay"  # which the names of files do not mention
_LONGEST = 237  # bytes of a name: file systems take 255, and an ending and a number come after it


def writable_folder(path: str | Path) -> Path:
    """The folder, made if it is not there; a file is written to it as a trial.

    Raises:
        PathError: if no file can be written to it.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PathError(
            f"cannot write to output folder {str(path)!r} ({reason}); give another (--output)"
        ) from error


def slug(text: str) -> str:
    """A text as part of a file name: up to its first comma, in lower case, without underscores."""
    first_part = text.split(",")[0].lower()
    return re.sub(r"[^\w.+]+|_+", "-", first_part).strip("-.")[:60]


def short_enough(stem: str, rest: str) -> str:
    """Stem and rest as one name, the stem cut where a file system would not take the whole.

    Letters of the rest that file names cannot have here, as in an ASCII locale, become hyphens.
    """
    encoding = sys.getfilesystemencoding()
    rest = rest.replace("?", "-").encode(encoding, "replace").decode(encoding).replace("?", "-")
    room = max(_LONGEST - len(os.fsencode(rest)), 1)
    if len(os.fsencode(stem)) > room:
        stem = os.fsencode(stem)[:room].decode(errors="ignore")
    return f"{stem}{rest}"


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
