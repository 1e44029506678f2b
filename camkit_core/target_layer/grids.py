"""Arithmetic on grids: their sides, and the part of them that covers the image."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import pad


def over_image(grid: Tensor, beyond: Sequence[tuple[int, int]]) -> Tensor:
    """A grid (N, C, ...) without what lies beyond the image; zeros where it ends within it."""
    return pad(grid, [-end for pair in beyond[::-1] for end in pair])


def height_of(positions: int, image_size: Sequence[int]) -> int:
    """The height of the grid with that many positions and the image's proportions; 0 if none."""
    if positions < 2:
        return 0
    height = max(1, round((positions * image_size[0] / image_size[1]) ** 0.5))
    return 0 if positions % height else height
