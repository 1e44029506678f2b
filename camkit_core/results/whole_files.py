"""Files written whole or not at all: what stood there stays until the new one is complete."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import PathError


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """A temporary path to write to: renamed to `path` at the end, deleted after an error.

    It ends as `path` ends, and lies in the same folder. Where `path` is a link, the file that it
    points at is replaced. A file keeps its permissions.

    Raises:
        PathError: if the file cannot be written, with the reason.
    """
    try:
        target = Path(os.path.realpath(path))
        _refuse_what_cannot_be_replaced(target)
        temporary = target.with_name(f".camkit-{os.urandom(8).hex()}{Path(path).suffix}")
        try:
            yield temporary
            if target.exists():
                shutil.copymode(target, temporary)
            temporary.replace(target)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        if isinstance(error, PathError) or not _concerns_files(error):
            raise
        raise cannot_write(path, error) from error


def write_whole(path: str | Path, text: str) -> None:
    """Write a text as UTF-8, whole or not at all; errors as of `written_whole`."""
    with written_whole(path) as temporary:
        # Half a character, as of a file name that is no UTF-8, is written as an escape.
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def cannot_write(path: str | Path, error: Exception) -> PathError:
    """The error that says why a file cannot be written."""
    reason = getattr(error, "strerror", None) or str(error)
    return PathError(f"cannot write {os.fspath(path)!r}: {reason}; choose another file")


def _concerns_files(error: OSError | ValueError) -> bool:
    """Whether it is of the system, or of a name with a zero byte; not what a renderer raises."""
    return isinstance(error, OSError) or "null" in str(error)


def _refuse_what_cannot_be_replaced(path: Path) -> None:
    if path.is_dir():
        raise IsADirectoryError(21, "a folder is there")
    if path.exists() and not path.is_file():
        raise OSError(22, "what is there is not a file")
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(13, "the file that is there is read-only")
