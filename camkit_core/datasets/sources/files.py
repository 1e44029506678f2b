"""Pictures in files: a folder with folders in it, or a list of paths."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import PathError
from ...image.decoders import quiet_decoders
from ...image.folders import ENDINGS, walked
from ...image.reading import read_image
from ..arrow import arrow
from .source import Prepare, Sample, Source


@dataclass(frozen=True)
class PictureFiles:
    """Reads the picture of an id.

    Attributes:
        root: the folder that ids are relative to.
        prepare: makes the model's input of a picture.
        paths: of the ids that are not the path, as a name that is no UTF-8 cannot be one.
    """

    root: str
    prepare: Prepare
    paths: dict[str, str] = field(default_factory=dict)

    def __call__(self, name: str) -> Sample:
        with quiet_decoders():
            pixels = read_image(os.path.join(self.root, self.paths.get(name, name)))
        return self.prepare(pixels), None


def folder_source(folder: str | Path, prepare: Prepare, output: Path | None) -> Source:
    """All pictures of a folder and the folders in it, by the endings of their names.

    Args:
        folder: whose files are read; hidden folders are left out.
        prepare: makes the model's input of a picture.
        output: a folder that is left out, too.

    Raises:
        PathError: if it cannot be listed, or has no pictures.
    """
    root = os.path.realpath(folder)
    odd: dict[str, str] = {}
    try:
        ids = arrow.array(_ids(root, output, odd), arrow.string())
    except OSError as error:
        raise PathError(
            f"cannot list {error.filename or root!r}: {error.strerror or error}"
        ) from error
    if not len(ids):
        raise PathError(f"no pictures in {os.fspath(folder)!r}; expected {', '.join(ENDINGS)}")
    record = {"kind": "folder", "root": _valid(root)}
    return Source(ids, PictureFiles(root, prepare, odd), record)


def _ids(root: str, output: Path | None, odd: dict[str, str]) -> Iterator[str]:
    for place, _, names in walked(root, output):
        beside = os.path.relpath(place, root)
        for name in sorted(names):
            if os.path.splitext(name)[1].lower() in ENDINGS:
                path = name if beside == "." else os.path.join(beside, name)
                yield _id(path.replace(os.sep, "/"), path, odd)


def list_source(paths: Sequence[str | os.PathLike[str]], prepare: Prepare) -> Source:
    """Pictures by their paths, each once; the paths are the ids.

    Raises:
        PathError: for no path at all.
    """
    if not paths:
        raise PathError("expected paths of pictures, got an empty list")
    odd: dict[str, str] = {}
    named = {_id(_with_slashes(path), os.fspath(path), odd): None for path in paths}
    record = {"kind": "paths", "root": _valid(os.getcwd())}
    if all(os.path.isabs(name) for name in named):
        record["root"] = ""
    return Source(
        arrow.array(named, arrow.string()), PictureFiles(record["root"], prepare, odd), record
    )


def _with_slashes(path: str | os.PathLike[str]) -> str:
    return os.fspath(path).replace(os.sep, "/")


def _id(name: str, path: str, odd: dict[str, str]) -> str:
    """The id of a path: itself, or where it is no UTF-8, with those bytes escaped."""
    valid = _valid(name)
    if valid != name:
        odd[valid] = path
    return valid


def _valid(text: str) -> str:
    return os.fsencode(text).decode("utf-8", "backslashreplace")
