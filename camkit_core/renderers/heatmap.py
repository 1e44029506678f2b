"""The heatmap alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from .caption import no_evidence
from .colour import COLOUR_MAP, coloured, heat_at
from .unseen import GREY, with_unseen

if TYPE_CHECKING:
    from ..results.explanation import Explanation


def heatmap(
    explanation: Explanation, index: int, picture: Image.Image, *, colormap: str = COLOUR_MAP
) -> Image.Image:
    """The heatmap alone, in colour, at the picture's size; what the model did not see is grey.

    Args:
        explanation: what to show.
        index: which image of the batch.
        picture: that image, for its size.
        colormap: one of `colour.COLOUR_MAPS`, e.g. "viridis" or "jet".
    """
    drawn = coloured(heat_at(explanation, index, picture.size), colormap)
    blank = Image.new("RGB", picture.size, (GREY,) * 3)
    drawn = with_unseen(drawn, blank, explanation, index)
    reason = explanation.blank(index)
    return no_evidence(drawn, reason) if reason else drawn
