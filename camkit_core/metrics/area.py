"""How much of the image a heatmap takes: to be read beside average drop."""

from __future__ import annotations

from torch import Tensor

from ..plugins.facts import Metric
from .case import Case


@Metric(
    higher_is_better=False,
    check=True,
    limit=0.9,
    failure="is high nearly everywhere (area {value})",
    shortcut="keeping the whole image",
    reading="The heatmap's mean over the image. Not better or worse; near 1 the map is the whole "
    "image.",
)
def area(case: Case) -> Tensor:
    """The mean of the heatmap: (N,), from 0 to 1; 1 is the whole image.

    An area is neither better nor worse by itself. But a map near 1 keeps the image as it is, and so
    has next to no average drop (arXiv 2104.10252, section 3, on a map that is one everywhere).
    """
    return case.heatmaps.flatten(1).mean(1)
