"""Pictures behind an address, as s3://bucket/photos or gs://bucket/photos, read by PyArrow."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ...errors import PathError, in_brief
from ...image.decoders import quiet_decoders
from ...image.folders import ENDINGS
from ...image.reading import decoded_picture
from ..arrow import arrow
from .source import Prepare, Sample, Source


@lru_cache(8)
def _files(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path in it."""
    from pyarrow.fs import FileSystem

    system, path = FileSystem.from_uri(address)
    return system, path.rstrip("/")


@dataclass(frozen=True)
class RemotePictures:
    """Reads the picture of an id.

    Attributes:
        address: of the folder that ids are relative to.
        prepare: makes the model's input of a picture.
    """

    address: str
    prepare: Prepare

    def __call__(self, name: str) -> Sample:
        system, path = _files(self.address)
        with system.open_input_stream(f"{path}/{name}") as stream:
            content = stream.read()
        with quiet_decoders():
            return self.prepare(decoded_picture(content)), None


def remote_source(address: str, prepare: Prepare) -> Source:
    """All pictures of a folder behind an address, and of the folders in it.

    Raises:
        PathError: if it cannot be listed, or has no pictures.
    """
    from pyarrow.fs import FileSelector, FileType

    try:
        system, path = _files(address)
        found = system.get_file_info(FileSelector(path, recursive=True))
    except Exception as error:  # each file system has errors of its own
        raise PathError(f"cannot list {address!r}: {in_brief(error)}") from error
    names = sorted(
        info.path[len(path) :].lstrip("/")
        for info in found
        if info.type == FileType.File and os.path.splitext(info.path)[1].lower() in ENDINGS
    )
    if not names:
        raise PathError(f"no pictures at {address!r}; expected {', '.join(ENDINGS)}")
    record = {"kind": "address", "root": address}
    ids = arrow.array(names, arrow.string())
    return Source(ids, RemotePictures(address, prepare), record, spawned=True)
