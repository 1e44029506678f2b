"""Picture files that are damaged, or were never pictures."""

from __future__ import annotations

import io
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from camkit_core.image import read_image

from .mutated_bytes import mutated
from .outcomes import outcome


def _encoded(mode: str, form: str, **settings: object) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (11, 13, 3), dtype=np.uint8)
    file = io.BytesIO()
    picture = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257) if mode == "I;16" else None
    (picture or Image.fromarray(pixels).convert(mode)).save(file, form, **settings)
    return file.getvalue()


def _seeds() -> list[bytes]:
    modes = {"PNG": ["RGB", "L", "P", "RGBA", "1", "I;16"], "JPEG": ["RGB", "L", "CMYK"]}
    modes |= {"TIFF": ["RGB", "L", "CMYK"], "BMP": ["RGB", "P"], "WEBP": ["RGB", "RGBA"]}
    modes |= {"GIF": ["P"], "PPM": ["RGB", "L"], "JPEG2000": ["RGB"]}
    return [
        *(_encoded(mode, form) for form, of in modes.items() for mode in of),
        _encoded("RGB", "TIFF", compression="tiff_lzw"),
        _encoded("RGB", "TIFF", compression="jpeg"),
        _encoded("RGB", "JPEG", progressive=True),
        b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 2 +X 2\n" + bytes(16),
        b"PF\n2 2\n-1.0\n" + bytes(48),
        b"P7\nWIDTH 2\nHEIGHT 2\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n" + bytes(12),
        b"\x59\xa6\x6a\x95" + bytes(28),
        b"\x76\x2f\x31\x01\x02\x00\x00\x00" + bytes(64),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"",
    ]


SEEDS = _seeds()


def inputs() -> st.SearchStrategy[bytes]:
    """The content of a file."""
    return mutated(SEEDS)


def tried(content: bytes) -> str:
    """The outcome of reading a file: a picture, or an error that names the file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.png"
        path.write_bytes(content)
        return outcome(partial(_read, path))


def _read(path: Path) -> None:
    picture = read_image(path)
    assert picture.dtype == np.uint8
    assert picture.ndim == 3
    assert picture.shape[2] == 3
