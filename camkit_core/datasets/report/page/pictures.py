"""The page's pictures: originals with their maps, as many as a page can hold, and mean maps."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
from PIL import Image

from ....errors import CamkitError
from ....image import read_image
from ....image.embedded import data_uri
from ....renderers.colour import ALPHA, COLOUR_MAP, coloured
from ....renderers.overlay import mixed
from ...sources.location import location_of
from ..findings import Findings
from ..places import Floats, evidence, planar
from ..words import place_in_words

SIDE = 168  # pixels of a picture's longer side
STRIP = 16  # pixels of a signal's height
MEAN_SIDE = 72  # pixels of a mean map's longer side
MOST_BYTES = 6_000_000  # of all pictures of a page


class Thumbnails:
    """Pictures of rows, until the page is full.

    Args:
        findings: whose rows.

    Attributes:
        found: whether an original was found.
        full: whether pictures were left out, as the page is full.
    """

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._bytes = 0
        self.found = self.full = False

    def pair(self, position: int) -> str:
        """The picture of a row and its map on it, or the map alone: `img` elements, as HTML."""
        row = self._findings.maps[position]
        if row.error is not None:
            return f"<small>{escape(row.error)}</small>"
        name = escape(str(row.id))
        picture, heat = self._picture(row), heatmap(row)
        where = f"highest at {place_in_words(_highest(heat))}" if heat.any() else "no evidence"
        said = escape(f"{row.method} for {row.class_name or row.target}: {where}")
        if picture is None:
            drawn = _strip(_small(coloured(heat, COLOUR_MAP), SIDE))
            return self._image(drawn, f"{name}, {said}")
        self.found = True
        placed = self._findings.windows.placed(heat, picture.size[::-1])
        drawn = mixed(picture, placed, COLOUR_MAP, ALPHA) if heat.any() else picture
        return self._image(picture, "the picture") + self._image(drawn, said)

    def _picture(self, row: Any) -> Image.Image | None:
        """The original, shrunk; None if it is not there any more, or cannot be read."""
        path = location_of(row.id, self._findings.maps.metadata)
        if path is None or self._bytes > MOST_BYTES:
            return None
        try:
            return _small(Image.fromarray(read_image(path)), SIDE)
        except CamkitError:
            return None

    def _image(self, picture: Image.Image, alt: str) -> str:
        if self._bytes > MOST_BYTES:
            self.full = True
            return ""
        source = data_uri(picture)
        self._bytes += len(source)
        return f'<img src="{source}" alt="{alt}" width="{picture.width}" height="{picture.height}">'


def heatmap(row: Any) -> Floats:
    """A row's `heatmap`, without torch; of a signal it is one row, of a volume all slices' sum."""
    size = planar(row.input_size)
    flat = Image.fromarray(evidence(row.map.reshape(1, -1), row.grid)[0])
    large = np.array(flat.resize(size[::-1], Image.Resampling.BILINEAR), np.float32)
    top = float(large.max())
    return np.asarray(large / top, np.float32) if top > 0 else large


def mean_map(mean: Floats, what: str) -> str:
    """A mean map as an `img`."""
    top = float(mean.max())
    heat = Image.fromarray(np.float32(mean / top if top > 0 else mean))
    scale = MEAN_SIDE / max(heat.size)
    height = 1 if heat.height == 1 else max(1, round(heat.height * scale))
    size = max(1, round(heat.width * scale)), height
    smooth = np.asarray(heat.resize(size, Image.Resampling.BILINEAR)).clip(0, 1)
    drawn = _strip(coloured(smooth, COLOUR_MAP))
    where = f"highest at {place_in_words(_highest(mean))}" if top > 0 else "empty"
    return (
        f'<img class="mean" src="{data_uri(drawn)}" '
        f'alt="{escape(what)}: {where}" width="{drawn.width}" height="{drawn.height}">'
    )


def _small(picture: Image.Image, side: int) -> Image.Image:
    picture.thumbnail((side, side))
    return picture


def _strip(picture: Image.Image) -> Image.Image:
    """A signal's one row of pixels, made higher, so that it is seen; others as they are."""
    return picture.resize((picture.width, STRIP)) if picture.height == 1 else picture


def _highest(heat: Any) -> tuple[float, float, float, float]:
    row, column = divmod(int(heat.argmax()), heat.shape[1])
    rows, columns = heat.shape
    return column / columns, row / rows, (column + 1) / columns, (row + 1) / rows
