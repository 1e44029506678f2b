"""Files of pictures: whether one is there, and begins as a picture does."""

from __future__ import annotations

import os
import re
import stat
from difflib import get_close_matches
from pathlib import Path

from ..errors import CamkitError, InputError, PathError
from .sizes import is_picture

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe, not a file; write what comes out of it to a file",
    stat.S_IFSOCK: "a socket, not a file",
    stat.S_IFCHR: "a device, not a file",
    stat.S_IFBLK: "a device, not a file",
}


def look_at(path: str | Path) -> None:
    """Look at a file without reading it whole: whether it is there, and begins as a picture does.

    Raises:
        InputError: if it is no picture; a PathError if there is no such file.
    """
    try:
        content(path, 0)
    except InputError as error:
        raise type(error)(f"cannot read {path}: {error}") from error.__cause__


def content(path: str | Path, most: int) -> bytes:
    """The bytes of a regular file, read only if they begin as a picture does.

    Args:
        path: of the file.
        most: how many bytes are read after the first 64.

    Raises:
        InputError: if it is empty, or no picture; a PathError if it cannot be opened.
    """
    try:
        _refuse_other_kinds(os.stat(path).st_mode)
        with open(path, "rb", opener=_opened_without_waiting) as file:
            _refuse_other_kinds(os.fstat(file.fileno()).st_mode)
            head = file.read(64)
            if not head:
                raise InputError("the file is empty")
            if not is_picture(head):
                raise InputError("not a picture that OpenCV can read")
            return head + file.read(most)
    except (OSError, ValueError) as error:
        if isinstance(error, CamkitError):
            raise
        raise PathError(_why_not_opened(os.fspath(path), error)) from error


def _opened_without_waiting(path: str, flags: int) -> int:
    # Between the two looks a file may have become a pipe, which nobody may ever write to.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _refuse_other_kinds(mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "not a file")
        raise PathError(f"{kind}; expected a picture such as .jpg or .png")


def _why_not_opened(path: str, error: OSError | ValueError) -> str:
    """Why a path cannot be read, and what to do."""
    if not path:
        return "an empty name; expected a picture such as .jpg or .png"
    if not isinstance(error, OSError):
        return f"not a name of a file ({error})"
    if not isinstance(error, FileNotFoundError):
        return error.strerror or str(error)
    if re.match(r"[a-zA-Z][\w+.-]+:/", path):
        return "an address, not a file; download the picture, and give its file"
    if os.path.islink(path):
        return f"a link to {os.readlink(path)}, and no such file is there"
    return f"no such file; expected a picture such as .jpg or .png{_meant(path)}"


def _meant(path: str) -> str:
    """The name beside it that may be meant."""
    folder, name = os.path.split(path)
    try:
        close = get_close_matches(name, os.listdir(folder or "."), n=1, cutoff=0.8)
    except OSError:
        return ""
    return f". Did you mean {os.path.join(folder, close[0])!r}?" if close else ""
