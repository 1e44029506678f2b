"""A made-up picture as the bytes of a file."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def png(side: int = 40, seed: int = 0) -> bytes:
    """Noise, as a PNG."""
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()
