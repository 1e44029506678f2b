"""Three draws of random weights, so that an untrained network can show which way round it is.

Where a network looks is a matter of its architecture, not of its weights; but at random ones depth
can drown it. A map that is read wrongly is wrong at each of them.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

NARROW = 0.5  # the standard deviation, in taps, of what is left of a kernel
OWN = 20.0  # added to the attention that a place pays to itself


def as_built(model: nn.Module, images: Tensor) -> None:
    """Leave the weights as the library draws them."""


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
    """Also draw kernels anew, narrowed to their middle, and let places attend to themselves.

    Strides, padding and shapes stay, so that the places of the grid stay where they are.
    """
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Conv3d)) and module.stride != module.kernel_size:
            nn.init.kaiming_normal_(module.weight)  # some start so small that nothing comes through
            module.weight.mul_(_window(module.kernel_size))
    for name, parameter in model.named_parameters():
        if name.endswith("attention_biases"):  # (heads, offsets), the first of which is none
            parameter[:, 0] += OWN
    calibrated(model, images)


def _window(kernel: tuple[int, ...]) -> Tensor:
    window = torch.ones(())
    for taps in kernel:
        away = torch.arange(taps) - (taps - 1) / 2
        window = window[..., None] * torch.exp(-(away**2) / (2 * NARROW**2))
    return window / window.max()


DRAWS: dict[str, Callable[[nn.Module, Tensor], None]] = {
    "as built": as_built,
    "calibrated": calibrated,
    "local": local,
}
