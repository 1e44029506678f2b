"""What a file is, by its first bytes; its name may say something else."""

from __future__ import annotations

import stat
from pathlib import Path

from ...errors import FileError, shown

_GUNZIP = "a gzip archive; unpack it first (gunzip)"
_TAR = "a tar archive; unpack it first (tar -xf)"
_PAGE = "a web page, as of a download that failed; download the file again"
_EXPECTED = "expected DEFAULT, none, or a file of weights (.pth, .pt, .bin, .safetensors)"
# What a file begins with that is no checkpoint, and what it is.
_FOREIGN = {
    b"version https://git-lfs": "a pointer of Git LFS; fetch the file itself (git lfs pull)",
    b"<!doctype": _PAGE,
    b"<html": _PAGE,
    b"<?xml": _PAGE,
    b"\x89hdf\r\n": "an HDF5 file, as of Keras; camkit explains PyTorch models",
    b"\x93numpy": "a NumPy array; save the weights with torch.save(model.state_dict(), ...)",
    b"gguf": "a GGUF file; camkit needs the weights in PyTorch's names (.pth, .safetensors)",
    b"\x1f\x8b": _GUNZIP,
    b"\x28\xb5\x2f\xfd": "a zstd archive; unpack it first (unzstd)",
    b"bzh": "a bzip2 archive; unpack it first (bunzip2)",
    b"\xfd7zxz": "an xz archive; unpack it first (unxz)",
    b"7z\xbc\xaf": "a 7z archive; unpack it first",
    b"rar!": "a RAR archive; unpack it first",
    b"\x89png": "a picture, not a checkpoint",
    b"\xff\xd8\xff": "a picture, not a checkpoint",
}


def checkpoint_path(given: str | Path) -> tuple[Path, str | None]:
    """The path of a checkpoint file that is there, and what follows `#` in a text `path#label`.

    Raises:
        FileError: if it is no file, or cannot be reached.
    """
    text, label = str(given), None
    if "#" in text and not _exists(text):
        text, _, label = text.rpartition("#")
    if "://" in text:
        raise FileError(f"weights are read from files, and {shown(text)} is a URL; download it")
    try:
        path = _home(text)
        mode = path.stat().st_mode if text else 0
    except FileNotFoundError:
        raise FileError(f"no checkpoint at {shown(text)}; {_EXPECTED}") from None
    except (OSError, ValueError, RuntimeError) as error:  # too long, a NUL, no such user
        reason = getattr(error, "strerror", None) or error
        raise FileError(f"no checkpoint at {shown(text)} ({reason}); {_EXPECTED}") from error
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "no file that can be read twice"
        raise FileError(f"{shown(text)} is {kind if text else 'no file'}; {_EXPECTED}")
    return path, label


def _exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):
        return False


def _home(text: str) -> Path:
    return Path(text).expanduser() if text.startswith("~") and not _exists(text) else Path(text)


def format_of(path: Path) -> str:
    """ "zip", "pickle" or "safetensors".

    Raises:
        FileError: for any other file; it says what it is, where its first bytes tell.
    """
    with path.open("rb") as file:
        start = file.read(512)
    length = int.from_bytes(start[:8], "little")
    if start[8:9] == b"{" and length < path.stat().st_size:
        return "safetensors"
    if start.startswith(b"PK\x03\x04"):
        return "zip"
    if start[:1] == b"\x80" and start[1:2] in (b"\x01", b"\x02", b"\x03", b"\x04", b"\x05"):
        return "pickle"
    raise FileError(f"{path.name} is {_foreign(path, start)}")


def _foreign(path: Path, start: bytes) -> str:
    if not start.strip(b"\0"):
        return "empty; fetch or save it again" if not start else "damaged (zeros); fetch it again"
    lower = start.lstrip().lower()
    known = next((what for begin, what in _FOREIGN.items() if lower.startswith(begin)), None)
    if known:
        return known
    if start[257:262] == b"ustar":
        return _TAR
    if path.suffix.lower() == ".onnx":
        return "an ONNX file; give the weights of the PyTorch model that it was made of"
    if path.name.lower().endswith(".index.json"):
        return "the index of a checkpoint in several files; save the weights in one file"
    return (
        "not a file of weights from torch.save or safetensors, or is damaged; save the weights "
        "with torch.save(model.state_dict(), ...)"
    )
