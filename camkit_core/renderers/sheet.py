"""A comparison as one picture: a row for each target, a column for each method."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PIL import Image, ImageDraw, ImageFont

from .caption import INK, PAPER

Draw = Callable[[Image.Image], Image.Image]
_GAP = 8


def sheet(
    picture: Image.Image,
    titles: Sequence[str],
    rows: Sequence[tuple[str, Sequence[Draw]]],
    side: int = 224,
) -> Image.Image:
    """A table of pictures: in each row the picture itself, then what is drawn of it.

    Args:
        picture: RGB.
        titles: of the columns after the first.
        rows: for each its label, and for each column a function from the picture, at the size
            of a cell, to what is shown there.
        side: the longer side of a cell, in pixels.
    """
    scale = side / max(picture.size)
    cell = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    large = picture.resize(cell, Image.Resampling.BICUBIC)
    size = max(11, side // 14)
    font, line = ImageFont.load_default(size=size), round(size * 1.6)
    width = (len(titles) + 1) * (cell[0] + _GAP) + _GAP
    height = line + len(rows) * (cell[1] + line) + _GAP
    page = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(page)

    def place(column: int, row: int) -> tuple[int, int]:
        return _GAP + column * (cell[0] + _GAP), line + row * (cell[1] + line)

    for column, title in enumerate(["image", *titles]):
        centre = place(column, 0)[0] + cell[0] / 2
        draw.text((centre, line / 2), title, INK, font, anchor="mm")
    for row, (text, drawings) in enumerate(rows):
        x, y = place(0, row)
        page.paste(large, (x, y))
        label = (x + cell[0] / 2, y + cell[1] + line / 2)
        draw.text(label, text, INK, font, anchor="mm")
        for column, drawn in enumerate(drawings, start=1):
            page.paste(drawn(large).resize(cell), place(column, row))
    return page
