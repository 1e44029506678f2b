"""Transparent pictures lie on white paper, as they do on a page."""

from __future__ import annotations

import io
import re
from contextlib import suppress
from typing import Any

import numpy as np
from PIL import Image, ImageOps

Array = np.ndarray[Any, Any]
# Formats that can be transparent; JPEG, which most photos are, cannot.
_MAY_BE = re.compile(rb"\x89PNG|RIFF....WEBP|GIF8|II[*+]\0|MM\0[*+]|....ftyp", re.DOTALL)


def on_white(picture: Image.Image) -> Image.Image:
    """A picture as RGB, on white where it is transparent."""
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    paper = Image.new("RGBA", picture.size, "white")
    paper.alpha_composite(picture.convert("RGBA"))
    return paper.convert("RGB")


def file_on_white(data: bytes, pixels: Array) -> Array:
    """The pixels of a picture's file, on white where it is transparent.

    Args:
        data: the file's content.
        pixels: what OpenCV decoded, (H, W, 3), uint8 RGB, upright; it leaves transparency out.
    """
    if not _MAY_BE.match(data[:16]):
        return pixels
    with suppress(Exception), Image.open(io.BytesIO(data)) as picture:  # else as OpenCV has it
        if picture.has_transparency_data:
            whole = ImageOps.exif_transpose(picture).convert("RGBA")
            papered = np.array(on_white(whole))
            # Opaque ones stay as OpenCV has them, to the bit.
            clear = bool(np.asarray(whole.getchannel("A")).min() < 255)
            return papered if clear and papered.shape == pixels.shape else pixels
    return pixels
