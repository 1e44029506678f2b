"""Checkpoint files made by hand, byte for byte, for the tests of what is refused."""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
from pathlib import Path

from torch import Tensor


def torch_zip(path: Path, pickled: bytes, data: bytes = bytes(40), compression: int = 0) -> Path:
    """A file as of torch.save: `pickled` are its values, `data` is the storage "0"."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/data/0", data)
        archive.writestr("archive/version", "3\n")
    return path


def text(value: str) -> bytes:
    """A text in a pickle."""
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def whole(number: int) -> bytes:
    """A whole number in a pickle."""
    held = number.to_bytes(number.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(held)]) + held


def sizes(*numbers: int) -> bytes:
    """A tuple of whole numbers in a pickle."""
    return b"(" + b"".join(map(whole, numbers)) + b"t"


def tensor(
    shape: tuple[int, ...] = (10,),
    strides: tuple[int, ...] = (1,),
    offset: int = 0,
    count: int = 10,
    key: str = "0",
    kind: str = "FloatStorage",
) -> bytes:
    """A tensor in a pickle of torch."""
    stored = text("storage") + f"ctorch\n{kind}\n".encode() + text(key) + text("cpu")
    storage = b"(" + stored + whole(count) + b"tQ"
    described = storage + whole(offset) + sizes(*shape) + sizes(*strides)
    return b"ctorch._utils\n_rebuild_tensor\n(" + described + b"tR"


def dict_of(name: str, value: bytes) -> bytes:
    """A pickle of a dict of one item."""
    return b"\x80\x02}" + text(name) + value + b"s."


def safetensors(path: Path, header: object, data: bytes = b"") -> Path:
    """A file of safetensors with any header, also as bytes."""
    held = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(held)) + held + data)
    return path


def zip_of(**entries: bytes) -> bytes:
    """An archive that is no checkpoint."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return written.getvalue()


class Runs:
    """An object whose pickle makes the folder `path` when it is loaded in the usual way."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def flipped(content: bytes, at: int) -> bytes:
    """The content with a bit changed in the byte `at`."""
    return content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :]


def half_of_zeros(state: dict[str, Tensor]) -> bytes:
    """A file of safetensors of which the second half was never downloaded."""
    from safetensors.torch import save

    content: bytes = save(state)
    half = len(content) // 2 + 3
    return content[:half] + bytes(len(content) - half)
