"""The heatmap laid over the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from .caption import no_evidence
from .colour import ALPHA, COLOUR_MAP, FULL_FROM, coloured, heat_at
from .unseen import with_unseen

if TYPE_CHECKING:
    from ..results.explanation import Explanation


def overlay(
    explanation: Explanation,
    index: int,
    picture: Image.Image,
    *,
    colormap: str = COLOUR_MAP,
    alpha: float = ALPHA,
    everywhere: bool = False,
) -> Image.Image:
    """The heatmap over the picture, at the picture's size; what the model did not see is grey.

    Args:
        explanation: what to show.
        index: which image of the batch.
        picture: that image, RGB.
        colormap: one of `colour.COLOUR_MAPS`, e.g. "viridis" or "jet".
        alpha: the heatmap's share, in [0, 1], where the evidence is at least half of the highest.
        everywhere: whether that share is the same everywhere; else it shrinks with the evidence, so
            that the picture is as it was where there is none.
    """
    reason = explanation.blank(index)
    if reason:
        return no_evidence(with_unseen(picture, picture, explanation, index), reason)
    heat = heat_at(explanation, index, picture.size)
    drawn = mixed(picture, heat, colormap, alpha, everywhere)
    return with_unseen(drawn, picture, explanation, index)


def mixed(
    picture: Image.Image,
    heat: np.ndarray[Any, Any],
    colormap: str,
    alpha: float,
    everywhere: bool = False,
) -> Image.Image:
    """Picture and coloured heatmap as one; see `overlay`."""
    heatmap = coloured(heat, colormap)
    if everywhere:
        return Image.blend(picture, heatmap, alpha)
    share = np.rint(255 * alpha * np.minimum(heat / FULL_FROM, 1)).clip(0, 255)
    return Image.composite(heatmap, picture, Image.fromarray(share.astype(np.uint8)))
