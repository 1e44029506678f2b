"""A YOLO11 of ultralytics whose weights are set: a red, green or blue square is an object.

Red squares are found at the finest level, green ones at the middle, blue ones at the coarsest. The
colours go through the real layers: each lets its first three channels pass, and the others stay 0.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

SIDES = (24, 32, 32)  # of the squares of each class, in pixels
STRIDES = (8, 16, 32)
NAMES = {0: "person", 1: "cat", 2: "dog"}
_PARTS = [[0.0, 0.0, 0.0], [0.0, 0.25, 0.25], [0.0, 0.25, 0.25]]  # the mean of 2x2 pixels
_NEAR = [[0.05, 0.05, 0.05], [0.05, 0.6, 0.05], [0.05, 0.05, 0.05]]
# By the module's place in the model: where in its input the colours are.
_CONVS, _BLOCKS = (0, 1, 3, 17, 20), {2: 0, 4: 0, 16: "last", 19: 0, 22: 0}


def planted_yolo(settings: str = "yolo11n.yaml", width: float = 0.125) -> nn.Module:
    """The model, untrained but for the weights that are set; of a fraction of the usual width."""
    from ultralytics.nn.tasks import DetectionModel, yaml_model_load

    architecture = yaml_model_load(settings)
    architecture["scales"] = {"n": [0.5, width, 1024]}
    architecture["reg_max"] = 4  # bins of a side's distance, in strides: squares are small
    torch.manual_seed(0)
    model = DetectionModel(architecture, nc=len(NAMES), verbose=False)
    model.names = dict(NAMES)
    with torch.no_grad():
        _plant(model.model)
    return model.eval()


def _plant(layers: Any) -> None:
    # The first makes of the pixels how far a colour is ahead of the others, which grey is not.
    ahead = 15 * torch.eye(3) - 4
    _pass(layers[0], _PARTS, mixed=ahead)
    for index in _CONVS[1:]:
        _pass(layers[index], _PARTS)
    for index, first in _BLOCKS.items():
        block = layers[index]
        inputs = block.cv1.conv.in_channels
        _pass(block.cv1, [[1.0]], first=inputs - layers[4].cv2.conv.out_channels if first else 0)
        _pass(block.cv2, [[1.0]])
    for level in range(3):
        _plant_boxes(layers[-1].cv2[level][-1], SIDES[level] / 2 / STRIDES[level])
        _plant_scores(layers[-1].cv3[level], level)


def _pass(module: Any, kernel: list[list[float]], first: int = 0, mixed: Any = None) -> None:
    """Let three channels pass, from `first` on, each seen through a kernel; nothing else."""
    mixed = torch.eye(3) if mixed is None else mixed
    module.conv.weight.zero_()
    if module.conv.groups > 1:
        module.conv.weight[:3, 0] = torch.tensor(kernel)
        return
    for out in range(3):
        for into in range(3):
            module.conv.weight[out, first + into] = mixed[out, into] * torch.tensor(kernel)


def _plant_boxes(last: nn.Conv2d, distance: float) -> None:
    """Every box's sides are at that distance from its middle, in strides."""
    last.weight.zero_()
    bins = torch.arange(last.out_channels // 4)
    nearest = (bins - distance).abs()
    last.bias.copy_(
        torch.where(nearest < 1, 20.0 + (1 - nearest).clamp(min=1e-6).log(), -20.0).repeat(4)
    )


def _plant_scores(branch: Any, category: int) -> None:
    """One class at each level; the others are found nowhere there."""
    (around, same), (again, still), last = branch
    _pass(around, _NEAR)
    _pass(again, [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    _pass(same, [[1.0]])
    _pass(still, [[1.0]])
    last.weight.zero_()
    last.weight[category, category] = 0.8
    last.bias.fill_(-12.0)
    last.bias[category] = -4.0


def scenes(corners: Tensor, size: tuple[int, int], classes: Tensor) -> Tensor:
    """Pictures (N, 3, H, W) in dim noise with squares.

    Args:
        corners: (N, K, 2), row and column of the upper left corner of each square.
        size: (H, W).
        classes: (K,), or (N, K).
    """
    generator = torch.Generator().manual_seed(1)
    pictures = 0.1 * torch.rand(len(corners), 3, *size, generator=generator)
    for picture, places, kinds in zip(
        pictures, corners.tolist(), classes.expand(corners.shape[:2]).tolist(), strict=True
    ):
        for (row, column), kind in zip(places, kinds, strict=True):
            side = SIDES[kind]
            picture[:, row : row + side, column : column + side] = 0
            picture[kind, row : row + side, column : column + side] = 1
    return pictures


def random_corners(classes: Tensor, size: tuple[int, int], seed: int = 0) -> Tensor:
    """A place (N, 2) for a square of each class, in the middle of a position of its level."""
    generator = torch.Generator().manual_seed(seed)
    corners = []
    for kind in classes.tolist():
        side, stride = SIDES[kind], STRIDES[kind]
        first = (side - stride) // 2
        cells = [
            torch.randint(
                -(-first // stride), (s + first - side) // stride + 1, (1,), generator=generator
            )
            for s in size
        ]
        corners.append([int(cell) * stride - first for cell in cells])
    return torch.tensor(corners)
