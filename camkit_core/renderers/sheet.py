"""A comparison as one picture: a row for each target, a column for each method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from .caption import INK, PAPER

if TYPE_CHECKING:
    from ..explanation import Comparison

_GAP = 8


def sheet(
    comparison: Comparison, index: int, picture: Image.Image, *, side: int = 224
) -> Image.Image:
    """The picture, then its overlay for each target and method, labelled.

    Args:
        comparison: the explanations.
        index: which image of the batch.
        picture: that image, RGB.
        side: the longer side of a cell, in pixels.
    """
    scale = side / max(picture.size)
    cell = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    large = picture.resize(cell, Image.Resampling.BICUBIC)
    size = max(11, side // 14)
    font, line = ImageFont.load_default(size=size), round(size * 1.6)
    columns, rows = len(comparison.methods) + 1, len(comparison.rows)
    width = columns * (cell[0] + _GAP) + _GAP
    page = Image.new("RGB", (width, line + rows * (cell[1] + line) + _GAP), PAPER)
    draw = ImageDraw.Draw(page)

    def place(column: int, row: int) -> tuple[int, int]:
        return _GAP + column * (cell[0] + _GAP), line + row * (cell[1] + line)

    for column, title in enumerate(["image", *comparison.methods]):
        centre = place(column, 0)[0] + cell[0] / 2
        draw.text((centre, line / 2), title, INK, font, anchor="mm")
    for row, explanations in enumerate(comparison.rows):
        x, y = place(0, row)
        page.paste(large, (x, y))
        label = (x + cell[0] / 2, y + cell[1] + line / 2)
        draw.text(label, explanations[0].describe(index), INK, font, anchor="mm")
        for column, explanation in enumerate(explanations, start=1):
            page.paste(explanation.render("overlay", index, large).resize(cell), place(column, row))
    return page
