"""The photos that the studio may show: those of the command line, and those handed to the page."""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from ..errors import InputError, UnknownName
from ..image import decoded_picture, read_image
from ..loading.pictures import Photo

MOST_BYTES = 32 * 2**20  # of one photo that is handed in
MOST_PIXELS = 64_000_000  # of one photo
KEPT_BYTES = 256 * 2**20  # of all that were handed in; the oldest make room
LONGEST_NAME = 200

Box = tuple[int, int, int, int]  # left, top, right, bottom, in pixels of the photo
GREY = (127, 127, 127)  # what is painted over a photo


@dataclass(frozen=True)
class Source:
    """Where a photo comes from.

    Attributes:
        key: names it to the page.
        name: for people.
        code: the expression of Python that gives its pixels or its path.
        read: gives its pixels (H, W, 3), uint8 RGB.
        path: of its file, as the command takes it; None if it has none.
    """

    key: str
    name: str
    code: str
    read: Callable[[], np.ndarray[Any, Any]]
    path: str | None = None


class Photos:
    """Photos by their keys. No path comes from a request, so no other file can be read.

    Args:
        sources: those that are there from the start.
    """

    def __init__(self, sources: Iterable[Source] = ()) -> None:
        self.given = {source.key: source for source in sources}
        self._handed: OrderedDict[str, tuple[Source, int]] = OrderedDict()
        self._lock = Lock()

    def add(self, data: bytes, name: str) -> Source:
        """Take a photo that the page hands in, after a look whether it is one.

        Raises:
            InputError: if it is none, or too large.
        """
        if len(data) > MOST_BYTES:
            raise InputError(f"the photo has more than {MOST_BYTES // 2**20} MB; make it smaller")
        decoded_picture(data, MOST_PIXELS)
        name = _plain(name)
        key, read = digest(data), partial(decoded_picture, data, MOST_PIXELS)
        source = Source(key, name, repr(name), read, name)
        with self._lock:
            self._handed.pop(key, None)
            self._handed[key] = source, len(data)
            while sum(size for _, size in self._handed.values()) > KEPT_BYTES:
                self._handed.popitem(last=False)
        return source

    def __getitem__(self, key: Any) -> Source:
        """The photo of a key.

        Raises:
            UnknownName: if there is none, or it had to make room for others.
        """
        with self._lock:
            if isinstance(key, str) and key in self._handed:
                self._handed.move_to_end(key)
                return self._handed[key][0]
        source = self.given.get(key) if isinstance(key, str) else None
        if source is None:
            raise UnknownName("this photo is no longer here; choose or drop it again")
        return source

    def listed(self) -> list[dict[str, str]]:
        """Key and name of those that were there from the start."""
        return [{"key": each.key, "name": each.name} for each in self.given.values()]


def of_files(paths: Sequence[Path], folders: Sequence[Path] = ()) -> list[Source]:
    """The photos of files.

    Args:
        paths: of the files.
        folders: what of `paths` came out of a folder must lie in it, also by way of links.
    """
    return [_of_file(path, folders) for path in paths if inside(path, folders)]


def inside(path: Path, folders: Sequence[Path]) -> bool:
    """Whether a file that lies in one of the folders by its name is really there."""
    around = [folder for folder in folders if folder in path.parents]
    real = os.path.realpath(path)
    return not around or any(
        os.path.commonpath([real, os.path.realpath(folder)]) == os.path.realpath(folder)
        for folder in around
    )


def _of_file(path: Path, folders: Sequence[Path]) -> Source:
    def read() -> np.ndarray[Any, Any]:
        if not inside(path, folders):  # it may have become a link since
            raise InputError("this photo is no longer in its folder")
        try:
            return read_image(path, MOST_PIXELS)
        except InputError as error:
            raise type(error)(str(error).replace(str(path), path.name)) from error

    key = digest(os.fsencode(os.path.abspath(path)))
    return Source(key, path.name, repr(str(path)), read, str(path))


def painted(pixels: np.ndarray[Any, Any], boxes: Sequence[Box]) -> np.ndarray[Any, Any]:
    """A photo with boxes of it painted over."""
    if not boxes:
        return pixels
    copy = pixels.copy()
    for left, top, right, bottom in boxes:
        copy[top:bottom, left:right] = GREY
    return copy


def photo(source: Source, boxes: Sequence[Box] = ()) -> Photo:
    """A photo as `explain` takes it."""
    return Photo(painted(source.read(), boxes), source.name)


def digest(data: bytes) -> str:
    """A short name for what is in these bytes."""
    return hashlib.sha256(data).hexdigest()[:16]


def _plain(name: str) -> str:
    """The last part of a name, without control characters."""
    last = name.replace("\\", "/").rpartition("/")[2]
    shown = "".join(letter for letter in last if letter.isprintable())
    return shown[:LONGEST_NAME].strip() or "photo.png"
