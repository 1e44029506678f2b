"""The heatmap laid over the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from .caption import no_evidence
from .colour import ALPHA, COLOUR_MAP, FULL_FROM, coloured, heat_at
from .threshold import Threshold, outlined
from .unseen import with_unseen

if TYPE_CHECKING:
    from ..results.explanation import Explanation


FOR, AGAINST = (230, 97, 1), (94, 60, 153)  # all eyes tell them apart


def overlay(
    explanation: Explanation,
    index: int,
    picture: Image.Image,
    *,
    colormap: str = COLOUR_MAP,
    alpha: float = ALPHA,
    everywhere: bool = False,
    threshold: Threshold = 0,
    vmax: float | None = None,
    minus: Any = None,
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
        threshold: the share of the highest evidence from which on the heatmap is drawn, with its
            outline and, dashed, the box around it; 0 draws all, and no outline.
        vmax: the value of the map that is drawn as the highest, so that several pictures have one
            scale, as `max(map(camkit.highest, maps))`; None for the map's own.
        minus: an explanation of the same images whose map is taken away, as of another class:
            orange speaks for the first one, violet for the other.
    """
    if minus is not None:
        signed = heat_at(explanation, index, picture.size, vmax, minus)
        drawn = two_sided(picture, signed, alpha, everywhere, threshold)
        return with_unseen(drawn, picture, explanation, index)
    reason = explanation.blank(index)
    if reason:
        return no_evidence(with_unseen(picture, picture, explanation, index), reason)
    heat = heat_at(explanation, index, picture.size, vmax)
    drawn = mixed(picture, heat, colormap, alpha, everywhere, threshold)
    return with_unseen(drawn, picture, explanation, index)


def mixed(
    picture: Image.Image,
    heat: np.ndarray[Any, Any],
    colormap: str,
    alpha: float,
    everywhere: bool = False,
    threshold: float = 0,
) -> Image.Image:
    """Picture and coloured heatmap as one; see `overlay`."""
    heatmap = coloured(heat, colormap)
    if everywhere and not threshold:
        return Image.blend(picture, heatmap, alpha)
    return _composed(picture, heatmap, heat, alpha, everywhere, threshold)


def two_sided(
    picture: Image.Image,
    signed: np.ndarray[Any, Any],
    alpha: float,
    everywhere: bool = False,
    threshold: float = 0,
) -> Image.Image:
    """Picture and signed values in [-1, 1]: orange above 0, violet below; see `overlay`."""
    sides = np.array([FOR, AGAINST], np.uint8)
    colours = sides[(signed < 0).astype(int)]
    heat = np.abs(signed)
    return _composed(picture, Image.fromarray(colours), heat, alpha, everywhere, threshold)


def _composed(
    picture: Image.Image,
    coloured: Image.Image,
    heat: np.ndarray[Any, Any],
    alpha: float,
    everywhere: bool,
    threshold: float,
) -> Image.Image:
    full = np.ones_like(heat) if everywhere else np.minimum(heat / FULL_FROM, 1)
    share = np.rint(255 * alpha * np.where(heat >= threshold, full, 0)).clip(0, 255)
    drawn = Image.composite(coloured, picture, Image.fromarray(share.astype(np.uint8)))
    return outlined(drawn, heat, threshold) if threshold else drawn
