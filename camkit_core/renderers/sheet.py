"""A comparison as one picture: a row for each target, a column for each method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from .caption import INK, PAPER

Draw = Callable[[Image.Image], Image.Image]
_GAP = 8


@dataclass(frozen=True)
class _Layout:
    """Where things are on the page, in pixels.

    Attributes:
        cell: width and height of a picture.
        line: the height of a line of text.
    """

    cell: tuple[int, int]
    line: int

    def page(self, columns: int, rows: int) -> tuple[int, int]:
        """Width and height of the page."""
        width, height = self.cell
        return columns * (width + _GAP) + _GAP, self.line + rows * (height + self.line) + _GAP

    def corner(self, column: int, row: int) -> tuple[int, int]:
        """The upper left corner of a cell."""
        width, height = self.cell
        return _GAP + column * (width + _GAP), self.line + row * (height + self.line)

    def title(self, column: int) -> tuple[float, float]:
        """The centre of a column's title."""
        return self.corner(column, 0)[0] + self.cell[0] / 2, self.line / 2

    def label(self, row: int) -> tuple[float, float]:
        """The centre of a row's label, below the picture."""
        x, y = self.corner(0, row)
        return x + self.cell[0] / 2, y + self.cell[1] + self.line / 2


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
        rows: for each row its label, and for each column a function from the picture, at the size
            of a cell, to what is shown there.
        side: the longer side of a cell, in pixels.
    """
    text_size = max(11, side // 14)
    layout = _Layout(_scaled(picture.size, side), line=round(text_size * 1.6))
    large = picture.resize(layout.cell, Image.Resampling.BICUBIC)
    page = Image.new("RGB", layout.page(len(titles) + 1, len(rows)), PAPER)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size=text_size)
    for column, title in enumerate(["image", *titles]):
        draw.text(layout.title(column), title, INK, font, anchor="mm")
    for row, (label, drawings) in enumerate(rows):
        page.paste(large, layout.corner(0, row))
        draw.text(layout.label(row), label, INK, font, anchor="mm")
        for column, drawn in enumerate(drawings, start=1):
            page.paste(drawn(large).resize(layout.cell), layout.corner(column, row))
    return page


def _scaled(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Width and height with `side` as the longer one."""
    scale = side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
