"""The heatmap laid over the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from .caption import no_evidence
from .colour import ALPHA, COLOUR_MAP, coloured, heat_at

if TYPE_CHECKING:
    from ..results.explanation import Explanation


def overlay(
    explanation: Explanation,
    index: int,
    picture: Image.Image,
    *,
    colormap: str = COLOUR_MAP,
    alpha: float = ALPHA,
) -> Image.Image:
    """The heatmap over the picture, at the picture's size.

    Args:
        explanation: what to show.
        index: which image of the batch.
        picture: that image, RGB.
        colormap: one of `colour.COLOUR_MAPS`, e.g. "viridis" or "jet".
        alpha: the heatmap's share, in [0, 1].
    """
    reason = explanation.blank(index)
    if reason:
        return no_evidence(picture, reason)
    return mixed(picture, heat_at(explanation, index, picture.size), colormap, alpha)


def mixed(
    picture: Image.Image,
    heat: np.ndarray[Any, Any],
    colormap: str,
    alpha: float,
) -> Image.Image:
    """Picture and coloured heatmap in fixed shares, so that a colour means the same everywhere."""
    return Image.blend(picture, coloured(heat, colormap), alpha)
