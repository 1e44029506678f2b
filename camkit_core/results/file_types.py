"""The file types that pictures can be written to; this module needs no torch."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from ..errors import InputError


def refuse_unknown_type(path: Path, expected: str = ".png, .jpg or .npz") -> None:
    """Raise InputError for a file name whose ending is that of no picture that can be written."""
    if Image.registered_extensions().get(path.suffix.lower()) not in Image.SAVE:
        raise InputError(f"cannot write {path.name!r}: expected a name that ends in {expected}")
