"""Files of pictures: one in each form that OpenCV reads, and small files that state large ones."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import cv2
import numpy as np
from PIL import Image

PIXELS = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)
SUFFIXES = ("avif", "bmp", "gif", "hdr", "jp2", "jpg", "pam", "pfm", "png", "ppm", "sr", "tiff")


def in_every_form() -> dict[str, bytes]:
    """Encoded pictures (37, 53), by what is special to each."""
    made = {suffix: cv2.imencode(f".{suffix}", PIXELS)[1].tobytes() for suffix in SUFFIXES}
    made["grey"] = cv2.imencode(".jpg", PIXELS[..., 0])[1].tobytes()
    made["16 bit"] = cv2.imencode(".png", PIXELS.astype(np.uint16) * 257)[1].tobytes()
    picture = Image.fromarray(PIXELS)
    more: dict[str, tuple[str, str, dict[str, Any]]] = {
        "palette": ("P", "PNG", {}),
        "transparent": ("RGBA", "PNG", {}),
        "cmyk": ("CMYK", "JPEG", {}),
        "progressive": ("RGB", "JPEG", {"progressive": True}),
        "webp": ("RGB", "WEBP", {"lossless": True}),
        "lossy webp": ("RGB", "WEBP", {}),
        "animated webp": ("RGB", "WEBP", {"save_all": True, "append_images": [picture]}),
        "animated png": ("RGB", "PNG", {"save_all": True, "append_images": [picture]}),
        "big tiff": ("RGB", "TIFF", {"big_tiff": True}),
        **{f"exif {turn}": ("RGB", "JPEG", {"exif": _turned(turn)}) for turn in range(9)},
    }
    for name, (mode, form, options) in more.items():
        made[name] = saved(picture.convert(mode), form, **options)
    return made


def saved(picture: Image.Image, form: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def _turned(turn: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = turn
    return tags


def white_png(width: int, height: int) -> bytes:
    """A small file of a large picture, with a bit for each pixel."""
    pack = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    rows = b"".join(pack.compress(row) for _ in range(height)) + pack.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", rows), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    checked = kind + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))
