"""Where a model's input lies in the picture that it was made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]
Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class Window:
    """Where a model's input lies in the picture that it was made of.

    The point (x, y) of the input, in pixels from its upper left corner, is the point
    (left + x * across, top + y * down) of the picture, in pixels of the picture.

    Attributes:
        picture: (H0, W0), the picture's size.
        input: (H, W), the input's size.
        corner: (left, top) of the input in the picture; outside of it where the input is padded.
        step: (across, down): how many pixels of the picture a pixel of the input is; negative where
            the input is mirrored.
        part: the box of the input, in its pixels, that shows the picture; None for all of it that
            lies in the picture.
    """

    picture: tuple[int, int]
    input: tuple[int, int]
    corner: tuple[float, float]
    step: tuple[float, float]
    part: Box | None = None

    @property
    def box(self) -> Box:
        """What the model saw of the picture: left, top, right, bottom, in pixels of the picture."""
        height, width = self.input
        left, top, right, bottom = self.to_picture(self.part or (0, 0, width, height))
        rows, columns = self.picture
        return max(left, 0), max(top, 0), min(right, columns), min(bottom, rows)

    @property
    def whole(self) -> bool:
        """Whether the model saw all of the picture, but for less than a pixel at the edges."""
        left, top, right, bottom = self.box
        rows, columns = self.picture
        return max(left, top, columns - right, rows - bottom) < 1

    def to_picture(self, box: Any) -> Box:
        """A box of the input, x1, y1, x2, y2, as a box of the picture; it may lie outside."""
        (left, top), (across, down) = self.corner, self.step
        xs = sorted(left + float(x) * across for x in box[0::2])
        ys = sorted(top + float(y) * down for y in box[1::2])
        return xs[0], ys[0], xs[1], ys[1]

    def at(self, size: tuple[int, int]) -> Window:
        """The window in the same picture, resized to (width, height)."""
        (rows, columns), (width, height) = self.picture, size
        wider, higher = width / columns, height / rows
        return replace(
            self,
            picture=(height, width),
            corner=(self.corner[0] * wider, self.corner[1] * higher),
            step=(self.step[0] * wider, self.step[1] * higher),
        )

    def pixels(self) -> tuple[int, int, int, int]:
        """The box in whole pixels of the picture, each of which the model saw at least half of."""
        left, top, right, bottom = (round(side) for side in self.box)
        rows, columns = self.picture
        left, top = min(left, columns - 1), min(top, rows - 1)
        return left, top, max(right, left + 1), max(bottom, top + 1)

    def placed(self, values: Map) -> Map:
        """Values (H, W) of the input at their places in the picture: (H0, W0), 0 elsewhere."""
        from PIL import Image  # an explanation that is not drawn needs none of it

        left, top, right, bottom = self.pixels()
        across, down = self.step
        values = values[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1]
        x1, y1, x2, y2 = self._source((left, top, right, bottom))
        # The outermost pixels of the picture may reach beyond the input's middle points.
        beside = [max(0, int(np.ceil(-min(x1, y1, self.input[1] - x2, self.input[0] - y2))))] * 2
        padded = np.pad(values, [beside, beside], mode="edge") if beside[0] else values
        source = (x1 + beside[0], y1 + beside[0], x2 + beside[0], y2 + beside[0])
        shown = Image.fromarray(np.ascontiguousarray(padded, dtype=np.float32))
        size = (right - left, bottom - top)
        page = np.zeros(self.picture, np.float32)
        resized = shown.resize(size, Image.Resampling.BILINEAR, box=source)
        page[top:bottom, left:right] = np.asarray(resized)
        return page

    def _source(self, box: tuple[int, int, int, int]) -> Box:
        """A box of the picture as one of the input, of the input mirrored back if it is."""
        (left, top), (across, down), (height, width) = self.corner, self.step, self.input
        first = left if across > 0 else left + width * across
        upper = top if down > 0 else top + height * down
        xs = ((x - first) / abs(across) for x in box[0::2])
        ys = ((y - upper) / abs(down) for y in box[1::2])
        (x1, x2), (y1, y2) = xs, ys
        return x1, y1, x2, y2

    def record(self) -> dict[str, Any]:
        """The window, ready for JSON: the picture's size, and the box that the model saw of it."""
        rows, columns = self.picture
        return {"size": [rows, columns], "box": [round(side, 1) for side in self.box]}
