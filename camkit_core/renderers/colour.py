"""Colours of heatmaps: the colour maps by name, through OpenCV; heatmaps at a picture's size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from ..image import colour_table, refuse_other_ranks
from ..image.colour_maps import COLOUR_MAPS as COLOUR_MAPS

if TYPE_CHECKING:
    from ..inputs.models.geometry.window import Window
    from ..results.explanation import Explanation

COLOUR_MAP = "inferno"  # unless another is chosen
ALPHA = 0.6  # the heatmap's share of an overlay, unless another is chosen
FULL_FROM = 0.5  # the evidence from which on it has all of this share


def coloured(heat: np.ndarray[Any, Any], colormap: str) -> Image.Image:
    """A heatmap (H, W) in [0, 1] in colour.

    Raises:
        UnknownName: for a colour map that is not in `COLOUR_MAPS`.
    """
    levels = np.rint(heat * 255).astype(np.uint8)
    return Image.fromarray(colour_table(colormap)[levels])


def window_at(explanation: Explanation, index: int, size: tuple[int, int]) -> Window | None:
    """Where the model's input lies in the original at (width, height); None if that is unknown."""
    window = explanation.originals[index].window if explanation.originals else None
    return window.at(size) if window else None


def heat_at(
    explanation: Explanation, index: int, size: tuple[int, int]
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The heatmap of one image, resized to a picture's (width, height): (height, width).

    The picture is the original, of whatever size, where the explanation knows it: the map is then
    in its place there, and 0 where the model did not see the picture.

    Raises:
        InputError: if it is the heatmap of a signal or a volume.
    """
    refuse_other_ranks(explanation.heatmap.shape[1:])
    heat = explanation.heatmap[index].detach().cpu().numpy().astype(np.float32)
    if window := window_at(explanation, index, size):
        return window.placed(heat).clip(0, 1)
    resized = Image.fromarray(heat).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.float32).clip(0, 1)
