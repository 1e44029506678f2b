"""Networks and inputs with one, two or three axes of space."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

CONV: dict[int, Any] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
NORM: dict[int, Any] = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
POOL: dict[int, Any] = {
    1: nn.AdaptiveAvgPool1d, 2: nn.AdaptiveAvgPool2d, 3: nn.AdaptiveAvgPool3d
}  # fmt: skip
SIZES = {1: (13,), 2: (7, 12), 3: (5, 6, 8)}
METHODS = ["gradcam", "gradcam++", "xgradcam", "ablationcam", "scorecam", "guided_backprop"]


def network(*kernel: int) -> nn.Sequential:
    """Two convolutions of a kernel, the second of stride 2 where the kernel is wide, and a head.

    Its "3" and "6" are ReLUs after the first and the second.
    """
    torch.manual_seed(0)
    rank, around = len(kernel), tuple(side // 2 for side in kernel)
    halved = tuple(1 if side == 1 else 2 for side in kernel)
    model = nn.Sequential(
        CONV[rank](2, 4, kernel, padding=around), NORM[rank](4), nn.Tanh(), nn.ReLU(),
        CONV[rank](4, 5, kernel, halved, around), NORM[rank](5), nn.ReLU(),
        POOL[rank](halved), nn.Flatten(), nn.Linear(5 * 2 ** (sum(halved) - rank), 6),
        nn.Tanh(), nn.Linear(6, 3),
    ).double()  # fmt: skip
    for norm in (model[1], model[5]):
        nn.init.normal_(norm.bias)
        nn.init.uniform_(norm.running_mean, -0.2, 0.2)
    return model.eval()


def inputs(rank: int) -> Tensor:
    """Two inputs of a rank."""
    return torch.randn(2, 2, *SIZES[rank], dtype=torch.float64)


def close(given: Tensor, wanted: Tensor) -> bool:
    """Whether two tensors have equal shapes and values; the expected one must not be zero."""
    assert given.shape == wanted.shape
    assert bool(wanted.any())
    return bool((given - wanted).abs().max() <= 1e-9)
