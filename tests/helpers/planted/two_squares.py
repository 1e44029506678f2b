"""Pictures of two squares, each of which one level of a pyramid finds."""

from __future__ import annotations

import torch
from torch import Tensor

COLOURS = (0, 2)  # the channel of each class


def two_squares(
    places: Tensor, size: tuple[int, int], sides: tuple[int, int], seed: int = 0
) -> Tensor:
    """Pictures (N, 3, H, W) with a red and a blue square on dark noise.

    Args:
        places: (N, 2, 2), the upper left corner of each square: row, column.
        size: H and W.
        sides: of the red and of the blue square, in pixels.
        seed: of the noise.
    """
    generator = torch.Generator().manual_seed(seed)
    images = 0.2 * torch.rand(len(places), 3, *size, generator=generator)
    for index in range(len(places)):
        for category, (row, column) in enumerate(places[index].tolist()):
            side = sides[category]
            images[index, :, row : row + side, column : column + side] = 0
            images[index, COLOURS[category], row : row + side, column : column + side] = 1
    return images
