"""The pictures that a command line names: files, folders, patterns, lists, standard input."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import ArgumentError, CamkitError, PathError, counted
from ...image.files import look_at
from ...image.folders import ENDINGS, walked
from ...image.sizes import is_picture
from ...plugins import get_registry
from .failures import Failures
from .messages import say_above_bar, visible
from .stdin import STDIN

_SYSTEMS = {"thumbs.db", "desktop.ini"}  # what systems put into folders of pictures


@dataclass(frozen=True)
class Asked:
    """The pictures that a command line names.

    Attributes:
        images: files, folders, patterns such as `*.jpg`, and "-" for standard input.
        files_from: a file with a list of the like, one in a line; "-" for standard input.
        recursive: whether the folders in folders count.
    """

    images: Sequence[str]
    files_from: str | None = None
    recursive: bool = False


def image_files(asked: Asked, failures: Failures, output: Path | None = None) -> list[Path]:
    """The files that are asked for, each once, after a look at each: what is no picture is noted
    as a failure before anything else begins.

    Args:
        asked: what the command line names.
        failures: takes what cannot be read.
        output: a folder that is left out, as the command writes to it.
    """
    given = [*asked.images, *_listed(asked.files_from)]
    if not given:
        raise ArgumentError("name a picture or a folder of pictures, as in: photo.jpg photos/")
    found: dict[Path, bool] = {}
    for text in given:
        for path in _expanded(text, asked.recursive, failures, output):
            if path not in found:
                found[path] = _is_there(path, failures)
    return [path for path, is_there in found.items() if is_there]


def _is_there(path: Path, failures: Failures) -> bool:
    if str(path) == STDIN:
        return True
    try:
        look_at(path)
        return True
    except (OSError, ValueError) as error:
        failures.add(path, error if os.path.lexists(path) else _of_a_method(path) or error)
        return False


def _of_a_method(path: Path) -> PathError | None:
    """What to write, where a method stands among the pictures."""
    try:
        name = get_registry().find("method", str(path)).name
    except CamkitError:
        return None
    return PathError(f"a method, not a file; several are one word: --method gradcam,{name}")


def _listed(files_from: str | None) -> list[str]:
    """The names in a list: one in a line, or each behind a NUL."""
    if files_from is None:
        return []
    try:
        with open(0 if files_from == STDIN else files_from, "rb", closefd=files_from != STDIN) as f:
            content = f.read()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PathError(f"cannot read the list {files_from!r} ({reason}) (--files-from)") from error
    if is_picture(content[:64]) and not content[:64].isascii():
        raise ArgumentError(
            f"{files_from!r} is a picture, not a list of pictures; name it without --files-from"
        )
    parts = content.split(b"\0") if b"\0" in content else content.splitlines()
    return [os.fsdecode(part) for part in parts if part.strip()]


def _expanded(
    text: str, recursive: bool, failures: Failures, output: Path | None
) -> Iterator[Path]:
    try:
        if not text:
            raise PathError("an empty name; expected an image file, or a folder of them")
        if re.match(r"[a-zA-Z][\w+.-]+://", text):
            raise PathError("an address, not a file; download the picture, and give its file")
        for each in _fitting(text):
            if os.path.isdir(each):
                yield from _in_folder(each, recursive, output)
            else:
                yield Path(each)
    except OSError as error:
        failures.add(text, error)


def _fitting(text: str) -> list[str]:
    """The files that fit a pattern which the shell has left as it is; or else the text itself."""
    if os.path.lexists(text) or not glob.has_magic(text):
        return [text]
    if found := sorted(glob.glob(text, recursive=True)):
        return found
    raise PathError("no file fits this pattern; expected pictures, as in photos/*.jpg")


def _in_folder(folder: str, recursive: bool, output: Path | None) -> Iterator[Path]:
    """The pictures in a folder; says what else is in it."""
    paths, others, below = [], Counter[str](), 0
    for place, folders, names in walked(folder, output):
        below += len(folders)
        if not recursive:
            folders.clear()
        for name in sorted(names):
            ending = os.path.splitext(name)[1].lower()
            if ending in ENDINGS:
                paths.append(Path(place, name))
            elif not name.startswith(".") and name.lower() not in _SYSTEMS:
                others[ending or name] += 1
    _say_left_out(folder, others, 0 if recursive else below)
    if not paths:
        more = "; --recursive looks into its folders" if below and not recursive else ""
        raise PathError(f"no pictures in this folder; expected {', '.join(ENDINGS)}{more}")
    yield from paths


def _say_left_out(folder: str, others: Counter[str], below: int) -> None:
    left_out = []
    if others:
        kinds = ", ".join(visible(each) for each in sorted(others)[:5])
        left_out.append(f"{counted(sum(others.values()), 'file')} of other kinds ({kinds})")
    if below:
        left_out.append(f"{counted(below, 'folder')} (--recursive takes them)")
    if left_out:
        say_above_bar(f"note: {visible(folder)}: left out {' and '.join(left_out)}")
