"""RISE finds the place that decides for a class, in a classifier whose weights are set by hand."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import camkit_core as camkit
from helpers.planted.marks import found

SIZE, SIDE, DRAWS = (32, 48), 8, 100


class Colours(nn.Sequential):
    """The class is the colour of which there is the most at one place of 8 pixels."""

    def __init__(self) -> None:
        convolution = nn.Conv2d(3, 3, SIDE, stride=SIDE // 2, bias=False)
        with torch.no_grad():
            convolution.weight.copy_(torch.eye(3)[:, :, None, None].expand(-1, -1, SIDE, SIDE))
            convolution.weight.mul_(6 / SIDE**2)
        super().__init__(convolution, nn.AdaptiveMaxPool2d(1), nn.Flatten())


def scenes() -> tuple[Tensor, Tensor]:
    """Dark noise with a square of one colour, and one of another; the corner of the first."""
    generator = torch.manual_seed(0)
    images = 0.2 * torch.rand(DRAWS, 3, *SIZE, generator=generator)
    rows, columns = (side // SIDE for side in SIZE)
    order = torch.rand(DRAWS, rows * columns, generator=generator).argsort(1)[:, :2]
    corners = torch.stack([order // columns, order % columns], -1) * SIDE
    for index in range(DRAWS):
        for colour, (row, column) in enumerate(corners[index].tolist()):
            images[index, :, row : row + SIDE, column : column + SIDE] = 0
            images[index, colour, row : row + SIDE, column : column + SIDE] = 1
    return images, corners[:, 0]


def test_the_largest_value_lies_on_the_colour_of_the_class() -> None:
    images, corners = scenes()
    e = camkit.explain(
        Colours().eval(), images, "rise", 0, layer="0", samples=60, grid=5, batch_size=60
    )
    assert found(e, corners, SIDE) >= 95
