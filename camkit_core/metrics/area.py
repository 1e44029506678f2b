"""How much of the image a heatmap takes: to be read beside average drop."""

from __future__ import annotations

from torch import Tensor

from .case import Case


def area(case: Case) -> Tensor:
    """The mean of the heatmap: (N,), from 0 to 1; 1 is the whole image.

    No better or worse by itself; but a map near 1 keeps the image as it is, and so has next to no
    average drop (arXiv 2104.10252, section 3, on a map that is one everywhere).
    """
    return case.heatmaps.flatten(1).mean(1)


area.higher_is_better = False  # type: ignore[attr-defined]
