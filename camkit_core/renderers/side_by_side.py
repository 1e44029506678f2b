"""Picture, heatmap and overlay in a row, with class and score."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from .caption import PAPER, WARNING, captioned
from .colour import ALPHA, COLOUR_MAP, coloured, heat_at
from .overlay import mixed
from .unseen import GREY, with_unseen

if TYPE_CHECKING:
    from ..results.explanation import Explanation


def side_by_side(
    explanation: Explanation,
    index: int,
    picture: Image.Image,
    *,
    colormap: str = COLOUR_MAP,
    alpha: float = ALPHA,
    everywhere: bool = False,
    gap: int = 8,
    side: int = 1024,
) -> Image.Image:
    """Picture, heatmap and overlay in a row, with class and score below.

    Args:
        explanation: what to show.
        index: which image of the batch.
        picture: that image, RGB.
        colormap: one of `colour.COLOUR_MAPS`, e.g. "viridis" or "jet".
        alpha: the heatmap's share of the overlay, in [0, 1], as for `overlay`.
        everywhere: whether that share is the same everywhere, as for `overlay`.
        gap: pixels between the pictures.
        side: the longer side of each, in pixels, at most.
    """
    picture = shrunk(picture, side)
    reason, blank = explanation.blank(index), Image.new("RGB", picture.size, (GREY,) * 3)
    heat = heat_at(explanation, index, picture.size)
    overlaid = picture if reason else mixed(picture, heat, colormap, alpha, everywhere)
    panels = [
        picture,
        with_unseen(coloured(heat, colormap), blank, explanation, index),
        with_unseen(overlaid, picture, explanation, index),
    ]
    width, height = picture.size
    row = Image.new("RGB", (3 * width + 4 * gap, height + gap), PAPER)
    for number, panel in enumerate(panels):
        row.paste(panel, (gap + number * (width + gap), gap))
    text = f"{explanation.describe(index)}  ·  {explanation.method}  ·  {explanation.layer}"
    page = captioned(row, text)
    return captioned(page, f"no evidence: {reason}", paper=WARNING) if reason else page


def shrunk(picture: Image.Image, side: int) -> Image.Image:
    """The picture, with `side` as its longer side if it is larger."""
    if max(picture.size) <= side:
        return picture
    smaller = picture.copy()
    smaller.thumbnail((max(side, 1), max(side, 1)))
    return smaller
