"""How well maps find the squares that were planted."""

from __future__ import annotations

import torch
from torch import Tensor

import camkit_core as camkit

# The methods that take one gradient.
ONE_GRADIENT = (
    "gradcam",
    "gradcam++",
    "xgradcam",
    "hirescam",
    "layercam",
    "gradcam_elementwise",
    "eigengradcam",
)
EVERY_GRADIENT = (
    *ONE_GRADIENT,
    "finercam",
    "shapleycam",
    "smoothgradcam++",
    "refinecam",
    "fullgrad",
    "guided_backprop",
)
SIGMA = 0.1  # of the noise of SmoothGrad-CAM++: its default is for normalised pictures


def found(explanation: camkit.Explanation, corners: Tensor, side: int) -> int:
    """In how many images the map's largest value lies in the planted square.

    Args:
        explanation: of N images.
        corners: (N, 2), row and column of each square's upper left corner, in pixels.
        side: of the squares, in pixels.
    """
    size = torch.tensor(explanation.images.shape[2:])
    grid = torch.tensor(explanation.cam.shape[1:])
    best = explanation.cam.flatten(1).argmax(1)
    cells = torch.stack([best // grid[1], best % grid[1]], 1)
    pixels = (cells + 0.5) / grid * size
    inside = (pixels >= corners) & (pixels <= corners + side)
    return int(inside.all(1).sum())


def concentration(explanation: camkit.Explanation, corners: Tensor, side: int) -> Tensor:
    """The heatmap's share within each planted square (N,), by the square's share of the area."""
    heatmaps = explanation.heatmap
    area = side**2 / heatmaps[0].numel()
    shares = [
        heatmap[row : row + side, column : column + side].sum() / heatmap.sum()
        for heatmap, (row, column) in zip(heatmaps, corners.tolist(), strict=True)
    ]
    return torch.stack(shares) / area
