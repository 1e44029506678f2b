"""Photos of scikit-image, which come with the extra `demo`: shown where nobody gives others."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..image import to_picture
from .photos import Source

MODEL = "efficientnet_lite:efficientnet-lite0"
# By name the expression that gives the photo, of `data`, which is skimage.data.
PHOTOS = {
    "cat and cup": "np.vstack([data.chelsea()[20:260, :450], data.coffee()[60:300, 75:525]])",
    "cat": "data.chelsea()",
    "coffee": "data.coffee()",
    "rocket": "data.rocket()",
    "astronaut": "data.astronaut()",
    "camera": "data.camera()",
}


def examples() -> list[Source]:
    """The photos, each with the expression that a program gets it by."""
    return [Source(_key(name), name, code, _reader(name)) for name, code in PHOTOS.items()]


def _key(name: str) -> str:
    return name.replace(" ", "-")


def _reader(name: str) -> Any:
    def read() -> np.ndarray[Any, Any]:
        from skimage import data

        skimage: Any = data  # it has no types
        if name == "cat and cup":
            return np.vstack([skimage.chelsea()[20:260, :450], skimage.coffee()[60:300, 75:525]])
        file = {"cat": "chelsea"}.get(name, name)
        return np.array(to_picture(getattr(skimage, file)()))

    return read
