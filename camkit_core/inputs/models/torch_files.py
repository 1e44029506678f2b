"""Files of torch.save, of today and from before version 1.6: their values, without their code."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch
from torch import Tensor

from ...errors import FileError
from .advice import holds_a_program, is_compressed
from .inert import InertUnpickler
from .stored import Storage, storage
from .zeros import check_filled

Content = tuple[Any, Callable[[Storage], Tensor]]

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # how a file from before version 1.6 begins
_SCRIPTED = "/constants.pkl"
_EXPORTED = ("/archive_format", "serialized_exported_program.json")
_MOST_PICKLED = 100_000_000
_MOST_UNPACKED = 4
_BLOCK = 1 << 22


def read_zip(path: Path) -> Content:
    """The values in a file of torch.save, and what reads a storage.

    The checksums of the file are compared, which torch does not do.

    Raises:
        FileError: if the file is another archive, or a program, or is compressed.
        Exception: of many kinds, if the file is damaged.
    """
    archive = zipfile.ZipFile(path)
    entries = {entry.filename: entry for entry in archive.infolist()}
    root = _root(path, list(entries))
    _check_directory(path, archive.infolist())

    def read(name: str, most: int) -> bytearray:
        entry = entries[root + name]
        if entry.file_size > most:
            raise ValueError(f"{name} is too large")
        with archive.open(entry) as file:
            return _exactly(cast(BinaryIO, file), entry.file_size)

    if f"{root}byteorder" in entries and read("byteorder", 16).decode() != sys.byteorder:
        raise FileError(f"{path.name} was written on a machine of another byte order")

    @cache
    def numbers(where: Storage) -> Tensor:
        size = where.length * where.dtype.itemsize
        return _numbers(read(f"data/{where.key}", size), where)

    pickled = io.BytesIO(read("data.pkl", _MOST_PICKLED))
    return InertUnpickler(pickled, storage).load(), numbers


def _root(path: Path, names: list[str]) -> str:
    """The folder of the archive that everything is in."""
    roots = [name.removesuffix("data.pkl") for name in names if name.endswith("/data.pkl")]
    if any(name.endswith((_SCRIPTED, *_EXPORTED)) for name in names):
        raise holds_a_program(path, exported=not any(n.endswith(_SCRIPTED) for n in names))
    if len(roots) != 1:
        held = ", ".join(sorted(names)[:3]) or "nothing"
        raise FileError(
            f"{path.name} is a zip archive of other things than weights of torch.save ({held}); "
            f"if the weights are in it, unpack it first"
        )
    return roots[0]


def _check_directory(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    if len({entry.filename for entry in entries}) < len(entries):
        raise ValueError("a name is there twice")
    # torch.save compresses nothing, but an archive of it that was packed again can be read, too.
    most = _MOST_UNPACKED * path.stat().st_size + _MOST_PICKLED
    if sum(entry.file_size for entry in entries) > most or any(
        entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for entry in entries
    ):
        raise is_compressed(path)
    if not any(entry.CRC for entry in entries):  # written without checksums
        for entry in entries:
            entry.CRC = None  # type: ignore[assignment]


def read_legacy(path: Path) -> Content:
    """The values in a file of torch.save from before version 1.6, and what reads a storage.

    Raises:
        FileError: if the file is another pickle.
        Exception: of many kinds, if the file is damaged.
    """
    kinds: dict[str, Storage] = {}

    def noted(persistent_id: Any) -> Any:
        if persistent_id[0] == "module":  # a class, with its source beside it
            return persistent_id[1]
        where = storage(persistent_id)
        return kinds.setdefault(where.key, where)

    with path.open("rb") as file:
        pickles = cast(BinaryIO, _Bounded(file, path.stat().st_size))
        if InertUnpickler(pickles, noted).load() != _MAGIC:
            raise FileError(
                f"{path.name} is a pickle, but not one of torch.save, and is not read, as pickles "
                f"can hold code; save the weights with torch.save(model.state_dict(), ...)"
            )
        protocol, system, content, keys = (InertUnpickler(pickles, noted).load() for _ in range(4))
        little = system["little_endian"] == (sys.byteorder == "little")
        if protocol != _PROTOCOL or not little or sorted(keys) != sorted(kinds):
            raise ValueError("another version, or another machine's")
        places = _places(file, [kinds[key] for key in keys])
        if file.tell() > path.stat().st_size:
            raise EOFError("it ends early")
    check_filled(path, places.values())

    @cache
    def numbers(where: Storage) -> Tensor:
        with path.open("rb") as file:
            file.seek(places[where.key])
            return _numbers(_exactly(file, where.length * where.dtype.itemsize), where)

    return content, numbers


class _Bounded:
    """A file of pickles, which does not make room for what is not in it."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size = file, min(size, _MOST_PICKLED)

    def read(self, count: int) -> bytes:
        return self.file.read(max(0, min(count, self.size - self.file.tell())))

    def readline(self) -> bytes:
        return self.file.readline(max(0, self.size - self.file.tell()))


def _places(file: BinaryIO, storages: list[Storage]) -> dict[str, int]:
    """Where the numbers of each storage begin; they follow each other, with their counts."""
    places = {}
    for where in storages:
        if int.from_bytes(_exactly(file, 8), sys.byteorder) != where.length:
            raise ValueError("a storage of another size")
        places[where.key] = file.tell()
        file.seek(where.length * where.dtype.itemsize, io.SEEK_CUR)
    return places


def _exactly(file: BinaryIO, size: int) -> bytearray:
    # The room that is made is bounded: by the directory of a zip, or by the size of the file.
    read = bytearray(size)
    place = memoryview(read)
    while place:
        count = file.readinto(place[:_BLOCK])  # type: ignore[attr-defined]
        if not count:
            raise EOFError("it ends early")
        place = place[count:]
    return read


def _numbers(read: bytearray, where: Storage) -> Tensor:
    if len(read) != where.length * where.dtype.itemsize:
        raise ValueError("a storage of another size")
    return torch.frombuffer(read, dtype=where.dtype) if read else torch.empty(0, dtype=where.dtype)
