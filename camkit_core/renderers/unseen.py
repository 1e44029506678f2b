"""The part of a picture that the model did not see, since it was cut off: grey, and framed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from .colour import window_at

if TYPE_CHECKING:
    from ..results.explanation import Explanation

GREY = 128
_KEPT = 0.4  # of the differences in lightness
_LIGHT, _DARK = (255, 255, 255), (0, 0, 0)


def with_unseen(
    drawn: Image.Image, picture: Image.Image, explanation: Explanation, index: int
) -> Image.Image:
    """What was drawn, with the part of the picture around it that the model did not see.

    That part has no colours and little contrast around a middle grey, so that it looks another
    thing than the picture by day, by night and on white paper.

    Args:
        drawn: the picture with its map; it is returned as it is where the model saw all of it.
        picture: without the map.
        explanation: of the picture.
        index: which image of the batch.
    """
    window = window_at(explanation, index, picture.size)
    if window is None or window.whole:
        return drawn
    table = [round(GREY + _KEPT * (level - GREY)) for level in range(256)]
    page = picture.convert("L").point(table).convert("RGB")
    box = window.pixels()
    line = max(1, round(math.sqrt(page.width * page.height) / 600))
    draw = ImageDraw.Draw(page)
    for colour, beside in ((_DARK, 2 * line), (_LIGHT, line)):
        left, top, right, bottom = box
        around = (left - beside, top - beside, right + beside - 1, bottom + beside - 1)
        draw.rectangle(around, outline=colour, width=line)
    page.paste(drawn.crop(box), box[:2])
    return page
