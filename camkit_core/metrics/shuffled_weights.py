"""A model whose weights are randomised layer by layer, from its output on, and put back."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


@contextmanager
def weights_kept(model: nn.Module) -> Iterator[None]:
    """Inside, parameters may be given other values by `shuffle`; afterwards they have their own."""
    kept = [(parameter, parameter.data) for parameter in model.parameters()]
    try:
        yield
    finally:
        for parameter, values in kept:
            parameter.data = values


def cascade(model: nn.Module, depths: int) -> list[list[tuple[str, nn.Module]]]:
    """The layers with weights of their own, the last first, in `depths` parts of like length."""
    layers = [
        (name, module)
        for name, module in model.named_modules()
        if any(True for _ in module.parameters(recurse=False))
    ][::-1]
    size = math.ceil(len(layers) / depths)
    return [layers[start : start + size] for start in range(0, len(layers), size)]


def shuffle(module: nn.Module, generator: torch.Generator) -> None:
    """Give each of the module's own parameters its values in random order.

    A permutation destroys what was learned, and keeps the scale of everything: a network redrawn
    from other distributions may answer with nothing, or with infinities.
    """
    for parameter in module.parameters(recurse=False):
        order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
        values: Tensor = parameter.data.flatten()[order].view_as(parameter)
        parameter.data = values  # a new tensor: the old one is kept as it is
