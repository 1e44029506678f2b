"""Picture, heatmap and overlay in a row, with class and score."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from .caption import PAPER, WARNING, captioned
from .colour import ALPHA, COLOUR_MAP, coloured, heat_at
from .overlay import mixed

if TYPE_CHECKING:
    from ..results.explanation import Explanation


def side_by_side(
    explanation: Explanation,
    index: int,
    picture: Image.Image,
    *,
    colormap: str = COLOUR_MAP,
    alpha: float = ALPHA,
    gap: int = 8,
) -> Image.Image:
    """Picture, heatmap and overlay in a row, with class and score below.

    Args:
        explanation: what to show.
        index: which image of the batch.
        picture: that image, RGB.
        colormap: one of `colour.COLOUR_MAPS`, e.g. "viridis" or "jet".
        alpha: the heatmap's share of the overlay, in [0, 1].
        gap: pixels between the pictures.
    """
    heat, reason = heat_at(explanation, index, picture.size), explanation.blank(index)
    overlaid = picture if reason else mixed(picture, heat, colormap, alpha)
    panels = [picture, coloured(heat, colormap), overlaid]
    width, height = picture.size
    row = Image.new("RGB", (3 * width + 4 * gap, height + gap), PAPER)
    for number, panel in enumerate(panels):
        row.paste(panel, (gap + number * (width + gap), gap))
    text = f"{explanation.describe(index)}  ·  {explanation.method}  ·  {explanation.layer}"
    page = captioned(row, text)
    return captioned(page, f"no evidence: {reason}", paper=WARNING) if reason else page
