"""A renderer: lines of equal evidence."""

import numpy as np
from PIL import Image

from camkit_core import Explanation, heat_at


def contours(
    explanation: Explanation, index: int, picture: Image.Image, *, levels: int = 4
) -> Image.Image:
    """The picture with a line wherever the heatmap passes from one level to the next."""
    level = np.minimum((heat_at(explanation, index, picture.size) * levels).astype(int), levels - 1)
    padded = np.pad(level, ((0, 1), (0, 1)), mode="edge")
    passes = (padded[1:, :-1] != level) | (padded[:-1, 1:] != level)
    lines = Image.fromarray(passes.astype("uint8") * 255)
    return Image.composite(Image.new("RGB", picture.size, "white"), picture, lines)
