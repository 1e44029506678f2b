"""How well a map agrees with the truth of a scene: scores of one map, each with its chance.

`heat` is a map (H, W) in [0, 1] at the picture's size; `mask` (H, W), bool, is true on the glyph.
A map that is zero everywhere says nothing: its scores are nan.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ...metrics.correlation import spearman

Array = np.ndarray[Any, Any]
Box = tuple[int, int, int]  # top, left, length of a side


def pointing(heat: Array, box: Box) -> float:
    """Whether the greatest value is in the glyph's box; if it occurs several times, which share.

    The pointing game (Zhang et al. 2016, arXiv 1608.00507). The box counts, not the cells, because
    a glyph may be hollow. Chance is the box's share of the picture.
    """
    if not heat.any():
        return float("nan")
    return float(_boxed(heat == heat.max(), box).sum() / (heat == heat.max()).sum())


def energy(heat: Array, mask: Array) -> float:
    """The share of the map's mass that is on the glyph, less the glyph's share of the picture.

    The energy-based pointing game (Wang et al. 2020, arXiv 1910.01279, section 4.3), with the
    value of a uniform map taken off, so that chance is 0.
    """
    return float(heat[mask].sum() / heat.sum() - mask.mean()) if heat.any() else float("nan")


def average_precision(heat: Array, mask: Array) -> float:
    """How well the map's values separate the glyph's pixels from all others.

    The area under precision and recall, in steps; pixels of equal value are one step. Chance is
    the glyph's share of the picture.
    """
    if not heat.any():
        return float("nan")
    order = np.argsort(-heat, axis=None, kind="stable")
    values, hits = heat.ravel()[order], mask.ravel()[order].cumsum()
    last = np.append(values[1:] != values[:-1], True)  # the last pixel of each value
    precision, recall = (hits / np.arange(1, len(hits) + 1))[last], (hits / mask.sum())[last]
    return float((np.diff(recall, prepend=0) * precision).sum())


def discrimination(heat: Array, own: Array, other: Array) -> float:
    """The explained glyph's share of the mass on both glyphs, as if their areas were equal.

    1 if the map of a class has nothing on the glyph of another class; chance is 0.5.
    """
    here, there = heat[own].mean(), heat[other].mean()
    return float(here / (here + there)) if here + there > 0 else float("nan")


def rank_correlation(evidence: Array, drops: Array) -> float:
    """Spearman's correlation of a map's evidence for each object with the object's worth.

    Args:
        evidence: (P,) the signed map summed over the box of each object.
        drops: (P,) how far the model's score falls when the object is exchanged.

    Returns:
        From -1 to 1; chance is 0; nan where all objects have the same evidence.
    """
    return float(spearman(torch.as_tensor(evidence)[None], torch.as_tensor(drops)[None]))


def box_sums(cam: Array, boxes: list[Box]) -> Array:
    """The sum of a map (H, W) over each of several boxes: (P,)."""
    return np.array([_boxed(cam, box).sum() for box in boxes])


def _boxed(values: Array, box: Box) -> Array:
    top, left, side = box
    return values[top : top + side, left : left + side]
