"""Colours of heatmaps: the colour maps by name, through OpenCV; heatmaps at a picture's size."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import ArgumentError, shown
from ..image import colour_table, refuse_other_ranks
from ..image.colour_maps import COLOUR_MAPS as COLOUR_MAPS

if TYPE_CHECKING:
    from torch import Tensor

    from ..inputs.models.geometry.window import Window
    from ..results.explanation import Explanation

Heat = NDArray[np.float32]
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


def highest(explanation: Explanation, index: int = 0, minus: Explanation | None = None) -> float:
    """The highest value of one image's map at the size of the model's input; 0 without evidence.

    The heatmap is the map divided by it. Divided by the highest of several maps, `vmax` of the
    renderers, they have one scale. Of a map less another one, `minus`, it is the largest distance
    from 0.
    """
    if minus is not None:
        return float(_less(explanation, index, minus).abs().max())
    cells = _finite(explanation.cam[index : index + 1]).relu()
    return float(_enlarged(cells, explanation).max())


def heat_at(
    explanation: Explanation,
    index: int,
    size: tuple[int, int],
    vmax: float | None = None,
    minus: Explanation | None = None,
) -> Heat:
    """The heatmap of one image, resized to a picture's (width, height): (height, width).

    The picture is the original, of whatever size, where the explanation knows it: the map is then
    in its place there, and 0 where the model did not see the picture.

    Args:
        explanation: of images.
        index: which image of the batch.
        size: (width, height).
        vmax: the value of the map that becomes 1, as all above it; None for its own highest.
        minus: an explanation of the same images whose map is taken away, as of another class; the
            values are then in [-1, 1].

    Raises:
        InputError: if it is the heatmap of a signal or a volume.
        ArgumentError: if `vmax` is not above 0, or the map of `minus` has another shape.
    """
    refuse_other_ranks(explanation.images.shape[2:])
    if vmax is not None and not (isinstance(vmax, (int, float)) and 0 < vmax < math.inf):
        raise ArgumentError(
            f"expected vmax= above 0, the value of the map that is drawn as the highest, as in "
            f"max(map(camkit.highest, maps)); got {shown(vmax)}"
        )
    if minus is None:
        heat = _placed(explanation, index, size, explanation.heatmap[index]).clip(0, 1)
        scale = 1.0 if vmax is None else highest(explanation, index) / vmax
    else:
        heat = _placed(explanation, index, size, _less(explanation, index, minus))
        scale = 1 / (vmax or highest(explanation, index, minus) or 1.0)
    return heat if scale == 1 else (heat * np.float32(scale)).clip(-1, 1)


def _finite(cam: Tensor) -> Tensor:
    return cam.detach().float().nan_to_num(nan=0, posinf=0, neginf=0)


def _enlarged(cells: Tensor, explanation: Explanation) -> Tensor:
    from ..maps import upsample  # colours need no torch, and a report of a data set has none

    return upsample(cells, explanation.images.shape[2:])


def _less(explanation: Explanation, index: int, minus: Explanation) -> Tensor:
    """A map less another one at the size of the model's input, signed."""
    if minus.cam.shape != explanation.cam.shape:
        raise ArgumentError(
            f"expected minus= to be an explanation of the same images at the same layer, with "
            f"maps {tuple(explanation.cam.shape)}; got maps {tuple(minus.cam.shape)}"
        )
    cells = _finite(explanation.cam[index : index + 1]) - _finite(minus.cam[index : index + 1])
    return _enlarged(cells, explanation)[0]


def _placed(explanation: Explanation, index: int, size: tuple[int, int], values: Tensor) -> Heat:
    """Values at the size of the model's input at their places in a picture."""
    heat = values.detach().cpu().numpy().astype(np.float32)
    if window := window_at(explanation, index, size):
        return window.placed(heat)
    resized = Image.fromarray(heat).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.float32)
