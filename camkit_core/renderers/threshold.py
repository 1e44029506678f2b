"""What reaches a share of the highest evidence: drawn alone, with its outline and its box."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ..image.opencv import opencv

Threshold = Annotated[float, Interval(ge=0, le=1)]
Line = tuple[int, int, int, int]
_LIGHT, _DARK = (255, 255, 255), (0, 0, 0)


def outlined(picture: Image.Image, heat: NDArray[np.float32], threshold: float) -> Image.Image:
    """A picture with the outline of what reaches the threshold, and the box around it, dashed.

    Args:
        picture: RGB.
        heat: the heatmap at its size: (height, width).
        threshold: in [0, 1]; nothing is drawn where nothing reaches it.
    """
    inside = heat >= threshold
    if not inside.any():
        return picture
    width = picture.width
    drawn = _painted(picture, _contour(inside, width * 4.5 / 700), _DARK, 0.75)
    drawn = _painted(drawn, _contour(inside, width * 2.2 / 700), _LIGHT, 1)
    left, top, right, bottom = Image.fromarray(inside).getbbox() or (0, 0, 0, 0)
    box = left, top, right - 1, bottom - 1
    whole, dashes = Image.new("L", picture.size), Image.new("L", picture.size)
    ImageDraw.Draw(whole).rectangle(box, outline=255, width=max(round(width / 160), 1))
    draw = ImageDraw.Draw(dashes)
    for dash in _dashes(box, max(width / 90, 2), max(width / 120, 2)):
        draw.line(dash, fill=255, width=max(round(width / 330), 1))
    return _painted(_painted(drawn, whole, _DARK, 0.6), dashes, _LIGHT, 1)


def _contour(inside: NDArray[np.bool_], thick: float) -> Image.Image:
    """Where the outline of what is true lies.

    A line along the edge of the picture is left out: what is true goes on there.
    """
    cv2, thickness = opencv(), max(round(thick), 1)
    beside = thickness + 1
    padded = np.pad(inside.astype(np.uint8), beside, mode="edge")
    lines, _ = cv2.findContours(padded, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    page = np.zeros(padded.shape, np.uint8)
    cv2.polylines(page, lines, True, 255, thickness)
    return Image.fromarray(page[beside:-beside, beside:-beside])


def _dashes(box: Line, drawn: float, gap: float) -> Iterator[Line]:
    """Dashes along the sides of a box."""
    left, top, right, bottom = box
    for x in np.arange(left, right, drawn + gap):
        end = int(min(x + drawn, right))
        yield from ((int(x), y, end, y) for y in (top, bottom))
    for y in np.arange(top, bottom, drawn + gap):
        end = int(min(y + drawn, bottom))
        yield from ((x, int(y), x, end) for x in (left, right))


def _painted(
    picture: Image.Image, mask: Image.Image, colour: tuple[int, int, int], share: float
) -> Image.Image:
    weights: Any = mask.point([round(share * level) for level in range(256)])
    return Image.composite(Image.new("RGB", picture.size, colour), picture, weights)
