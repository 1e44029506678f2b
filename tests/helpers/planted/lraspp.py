"""An LRASPP of torchvision whose weights are set: a square anywhere decides each pixel's class.

The only way from the image to the answer leads through the pooled branch of its head, so whatever
pixels are asked about, their class is decided by the square of that class's colour.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.models.segmentation import LRASPP

SIDE = 16  # of a square, and of a cell of the grid, in pixels


def planted_lraspp() -> nn.Module:
    """Classes 1 to 3 speak for red, green, blue, and each against the next one."""
    layers = OrderedDict(
        colours=nn.Conv2d(3, 3, 1),
        relu=nn.ReLU(),
        low=nn.AvgPool2d(SIDE // 2),
        high=nn.AvgPool2d(2),
    )
    backbone = IntermediateLayerGetter(nn.Sequential(layers), {"low": "low", "high": "high"})
    model = LRASPP(backbone, low_channels=3, high_channels=3, num_classes=4, inter_channels=3)
    head = model.classifier
    for weight in (w for w in model.parameters() if w.ndim == 4):
        nn.init.zeros_(weight)
    with torch.no_grad():
        layers["colours"].bias.fill_(-0.25)  # so that noise is nothing
        head.cbr[1].bias.fill_(1)
        for k in range(3):
            layers["colours"].weight[k, k] = 1
            head.scale[1].weight[k, k] = 4  # of the pooled branch
            head.high_classifier.weight[1 + k, k] = 1
            head.high_classifier.weight[1 + k, (k + 1) % 3] = -0.3
    return model.eval()


def random_places(count: int, size: tuple[int, int], seed: int = 0) -> Tensor:
    """The corners (count, 3, 2) of three squares on the grid, in pixels."""
    generator = torch.Generator().manual_seed(seed)
    rows, columns = (side // SIDE for side in size)
    drawn = [torch.randperm(rows * columns, generator=generator)[:3] for _ in range(count)]
    cells = torch.stack(drawn)
    return torch.stack([cells // columns, cells % columns], -1) * SIDE


def pictures(
    places: Tensor, size: tuple[int, int], seed: int = 1, only: Tensor | None = None
) -> Tensor:
    """Dark noise with a red, a green and a blue square: (count, 3, *size).

    Args:
        places: (count, 3, 2), the corners of the squares.
        size: H and W.
        seed: of the noise.
        only: (count,), the colour of the only square of each picture; None for all three.
    """
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(len(places), 3, *size, generator=generator) * 0.2
    for index, corners in enumerate(places.tolist()):
        for colour, (row, column) in enumerate(corners):
            if only is None or colour == only[index]:
                images[index, colour, row : row + SIDE, column : column + SIDE] = 1
    return images
