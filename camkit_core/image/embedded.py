"""Pictures inside a page, which needs no other file then."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image


def data_uri(picture: Image.Image) -> str:
    """A picture as the source of an `img`: a JPEG in base 64."""
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"
