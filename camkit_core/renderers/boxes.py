"""The boxes that a detector finds over the heatmap, the explained one marked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageDraw, ImageFont

from ..errors import ArgumentError
from .caption import captioned, no_evidence
from .colour import ALPHA, COLOUR_MAP, heat_at, window_at
from .overlay import mixed
from .threshold import Threshold
from .unseen import with_unseen

if TYPE_CHECKING:
    from ..inputs.models.geometry.window import Window
    from ..results.explanation import Explanation

Box = tuple[float, ...]  # x1, y1, x2, y2
_SMALLEST = 224  # pixels of the longer side; text on a smaller picture could not be read
_LIGHT, _DARK = (255, 255, 255), (0, 0, 0)


def boxes(
    explanation: Explanation,
    index: int,
    picture: Image.Image,
    *,
    colormap: str = COLOUR_MAP,
    alpha: float = ALPHA,
    everywhere: bool = False,
    threshold: Threshold = 0,
    vmax: float | None = None,
    others: int = 20,
) -> Image.Image:
    """The heatmap over the picture, with the explained box and its label; other boxes are thin.

    A picture of less than 224 pixels is enlarged, so that the label can be read.

    Args:
        explanation: of a detector.
        index: which image of the batch.
        picture: that image, RGB.
        colormap: one of `colour.COLOUR_MAPS`, e.g. "viridis" or "jet".
        alpha: the heatmap's share, in [0, 1], as for `overlay`.
        everywhere: whether that share is the same everywhere, as for `overlay`.
        threshold: the share of the highest evidence that is drawn, as for `overlay`.
        vmax: the value of the map that is drawn as the highest, as for `overlay`.
        others: how many of the other boxes are drawn, the best first.

    Raises:
        ArgumentError: if the explanation has no boxes, or is of a signal or a volume.
    """
    if explanation.boxes is None:
        raise ArgumentError(
            "this explanation has no boxes, as its model is no detector that camkit knows: draw "
            "it by renderer='overlay'; or explain it with adapter=camkit.Adapter(layer, "
            "output=...), whose output gives boxes, labels and scores for each image"
        )
    enlarged = original = _enlarged(picture)
    reason = explanation.blank(index)
    if not reason:
        heat = heat_at(explanation, index, enlarged.size, vmax)
        enlarged = mixed(enlarged, heat, colormap, alpha, everywhere, threshold)
    drawn = with_unseen(enlarged, original, explanation, index)
    explained = _explained(explanation, index)
    window = window_at(explanation, index, drawn.size)
    drawing = _Drawing(drawn.copy(), tuple(explanation.images.shape[2:]), window)
    for box in _others(explanation.boxes[index], explained)[: max(others, 0)]:
        drawing.outline(box, thin=True)
    if explained:
        drawing.outline(explained)
        drawing.label(explained, _label(explanation, index))
    if reason:
        return no_evidence(drawing.picture, reason)
    if not explained and not len(explanation.boxes[index]["boxes"]):
        return captioned(drawing.picture, "the detector finds no object")
    return drawing.picture


def _enlarged(picture: Image.Image) -> Image.Image:
    scale = _SMALLEST / max(picture.size)
    if scale <= 1:
        return picture
    width, height = (max(1, round(side * scale)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.BICUBIC)


def _explained(explanation: Explanation, index: int) -> Box | None:
    """The box that the target settled on; None if the target is of no box."""
    targets: Any = explanation.target
    box = getattr(targets[index], "box", None)
    return None if box is None else tuple(map(float, box))


def _others(found: dict[str, Any], explained: Box | None) -> list[Box]:
    boxes = [tuple(box) for box in found["boxes"].tolist()]
    return [box for box in boxes if box != explained]


def _label(explanation: Explanation, index: int) -> str:
    """Class and score; the place is to be seen."""
    return explanation.describe(index).split(" at [")[0]


@dataclass
class _Drawing:
    """A picture that boxes are drawn on.

    Attributes:
        picture: the picture.
        pixels: height and width of the image that the boxes are given in.
        window: where this image lies in the picture; None if it is all of it.
    """

    picture: Image.Image
    pixels: tuple[int, ...]
    window: Window | None = None

    def __post_init__(self) -> None:
        self.draw = ImageDraw.Draw(self.picture)
        self.side = math.sqrt(self.picture.width * self.picture.height)
        self.line = max(2, round(self.side / 250))

    def outline(self, box: Box, thin: bool = False) -> None:
        """A light line with a dark one on either side, to be seen on any colour."""
        line = max(1, self.line // 2) if thin else self.line
        edge = 1 if thin else max(1, self.line // 2)
        left, top, right, bottom = self._corners(box)
        for colour, width, margin in ((_DARK, line + 2 * edge, edge), (_LIGHT, line, 0)):
            place = (left - margin, top - margin, right + margin, bottom + margin)
            self.draw.rectangle(place, outline=colour, width=width)

    def label(self, box: Box, text: str) -> None:
        """Dark text on a light plate above the box, or below it, or in it, where there is room."""
        font, plate = self._fitting(text)
        left, top, _, bottom = self._corners(box)
        x = max(0, min(left, self.picture.width - plate[0] - 1))
        places = (top - plate[1] - 2 * self.line, bottom + 2 * self.line, top)
        lowest = self.picture.height - plate[1] - 1
        y = next((y for y in places if 0 <= y <= lowest), max(0, lowest))
        self.draw.rectangle((x, y, x + plate[0], y + plate[1]), fill=_LIGHT, outline=_DARK)
        centre = (x + plate[0] / 2, y + plate[1] / 2)
        self.draw.text(centre, text, _DARK, font, anchor="mm")

    def _corners(self, box: Box) -> tuple[int, int, int, int]:
        """The box in the picture's pixels, cut to the picture."""
        (width, height), (rows, columns) = self.picture.size, self.pixels
        across, down = width / columns, height / rows
        if self.window:
            box, across, down = self.window.to_picture(box), 1, 1
        xs = [min(max(round(x * across), 0), width - 1) for x in box[0::2]]
        ys = [min(max(round(y * down), 0), height - 1) for y in box[1::2]]
        return min(xs), min(ys), max(xs), max(ys)

    def _fitting(self, text: str) -> tuple[Any, tuple[int, int]]:
        """A font in which the text is no wider than the picture, if it can be read; its plate."""
        size = max(12, round(self.side / 32))
        while True:
            font = ImageFont.load_default(size=size)
            width = round(font.getlength(text) + size * 0.6)
            if width <= self.picture.width or size <= 9:
                return font, (width, round(size * 1.5))
            size -= 1
