"""Colours of heatmaps: the colour maps by name, through OpenCV; heatmaps at a picture's size."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from ..errors import ArgumentError, shown
from ..image import colour_table, refuse_other_ranks
from ..image.colour_maps import COLOUR_MAPS as COLOUR_MAPS
from ..maps import upsample

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


def highest(explanation: Explanation, index: int = 0) -> float:
    """The highest value of one image's map at the size of the model's input; 0 without evidence.

    The heatmap is the map divided by it. Divided by the highest of several maps, `vmax` of the
    renderers, they have one scale.
    """
    cam = explanation.cam[index : index + 1].detach().float()
    cells = cam.nan_to_num(nan=0, posinf=0, neginf=0).relu()
    return float(upsample(cells, explanation.images.shape[2:]).max())


def heat_at(
    explanation: Explanation, index: int, size: tuple[int, int], vmax: float | None = None
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The heatmap of one image, resized to a picture's (width, height): (height, width).

    The picture is the original, of whatever size, where the explanation knows it: the map is then
    in its place there, and 0 where the model did not see the picture.

    Args:
        explanation: of images.
        index: which image of the batch.
        size: (width, height).
        vmax: the value of the map that becomes 1, as all above it; None for its own highest.

    Raises:
        InputError: if it is the heatmap of a signal or a volume.
        ArgumentError: if `vmax` is not above 0.
    """
    heat = _at(explanation, index, size)
    if vmax is None:
        return heat
    if not (isinstance(vmax, (int, float)) and 0 < vmax < math.inf):
        raise ArgumentError(
            f"expected vmax= above 0, the value of the map that is drawn as the highest, as in "
            f"max(map(camkit.highest, maps)); got {shown(vmax)}"
        )
    scaled: np.ndarray[Any, np.dtype[np.float32]] = heat * (highest(explanation, index) / vmax)
    return scaled.clip(0, 1)


def _at(
    explanation: Explanation, index: int, size: tuple[int, int]
) -> np.ndarray[Any, np.dtype[np.float32]]:
    refuse_other_ranks(explanation.heatmap.shape[1:])
    heat = explanation.heatmap[index].detach().cpu().numpy().astype(np.float32)
    if window := window_at(explanation, index, size):
        return window.placed(heat).clip(0, 1)
    resized = Image.fromarray(heat).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.float32).clip(0, 1)
