"""Draws of random weights, with which an untrained network shows which way round its map is.

The architecture decides which patch reaches which position; but with random weights, depth can hide
it. A map that is read wrongly is wrong with each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

NARROW = 0.5  # standard deviation, in taps, of the window that kernels are multiplied with
OWN = 20.0  # added to the attention of each position to itself


def as_built(model: nn.Module, images: Tensor) -> None:
    """Leave the weights as they are."""


@torch.no_grad()
def calibrated(model: nn.Module, images: Tensor) -> None:
    """Draw layers of zeros anew, and let batch norms see the images."""
    for module in model.modules():
        weight = getattr(module, "weight", None)
        if isinstance(weight, nn.Parameter) and not bool(weight.any()):
            nn.init.normal_(weight, std=0.02) if weight.ndim > 1 else weight.fill_(1)
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = 1.0
    model.train()
    model(images)
    model.eval()


@torch.no_grad()
def local(model: nn.Module, images: Tensor) -> None:
    """Also draw kernels anew, narrowed to their middle, and let positions attend to themselves.

    Strides, padding and shapes stay, so the positions of the grid do not move.
    """
    for module in _kernels(model):
        nn.init.kaiming_normal_(module.weight)  # some libraries draw weights close to zero
    narrowed(model, images)
    for name, parameter in model.named_parameters():
        if name.endswith("attention_biases"):  # (heads, offsets); the first offset is none
            parameter[:, 0] += OWN
    calibrated(model, images)


@torch.no_grad()
def narrowed(model: nn.Module, images: Tensor) -> None:
    """Narrow the kernels as built to their middle; for models that train on no images alone."""
    for module in _kernels(model):
        module.weight.mul_(_window(module.kernel_size))


def _kernels(model: nn.Module) -> Iterator[nn.Conv2d | nn.Conv3d]:
    """The convolutions, but for those that cut the image into patches."""
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Conv3d)) and module.stride != module.kernel_size:
            yield module


def _window(kernel: tuple[int, ...]) -> Tensor:
    window = torch.ones(())
    for taps in kernel:
        distance = torch.arange(taps) - (taps - 1) / 2
        window = window[..., None] * torch.exp(-(distance**2) / (2 * NARROW**2))
    return window / window.max()


DRAWS: dict[str, Callable[[nn.Module, Tensor], None]] = {
    "as built": as_built,
    "calibrated": calibrated,
    "local": local,
}
