"""D-RISE (Petsiuk et al. 2021), https://arxiv.org/abs/2006.03204."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from annotated_types import Interval
from torch import Tensor

from camkit_core import Method, Probe

from .rise import rise

_MASKS = "the masks stay where they are when the image moves"


@Method(
    group="gradient-free",
    cost="5,000 runs",
    costly=True,
    reads_layer=False,
    expected_failures={"place": _MASKS, "layouts": _MASKS},
)
def drise(
    probe: Probe,
    *,
    samples: Annotated[int, Interval(ge=2, le=1_000_000)] = 5000,
    grid: Annotated[int, Interval(ge=1, le=10_000)] = 16,
    keep: Annotated[float, Interval(gt=0, lt=1)] = 0.5,
    seed: Annotated[int, Interval(ge=-(2**63), lt=2**64)] = 0,
    fast: str | Sequence[str] = (),
) -> Tensor:
    """RISE for a detector: masks weighted by how well the object is still found through them.

    arXiv 2006.03204, equations 3 to 6. The weight of a mask is the largest product of overlap, the
    cosine between the vectors of class scores, and objectness. Where a detector states no
    objectness, it is a candidate's largest class score. Where it gives the score of one class for
    each box, as torchvision's do, there are no vectors to compare, so the score stands for
    objectness and likeness of classes: the value of the `DetectionTarget`.

    Args:
        probe: the forward pass, of a target such as `DetectionTarget(category, box)`.
        samples: how many masks.
        grid: cells of a mask along each side, before it is enlarged and shifted.
        keep: the probability that a cell is kept.
        seed: of the masks; all images get the same masks.
        fast: as for `scorecam`.

    Returns:
        The map (N, H, W), at the images' size.
    """
    probe = probe.of_similar_detections()
    return rise(probe, samples=samples, grid=grid, keep=keep, score="score", seed=seed, fast=fast)
