"""A model's weights, randomised layer by layer from the output on, and restored."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ..errors import InputError


@contextmanager
def weights_kept(model: nn.Module) -> Iterator[None]:
    """Inside, `shuffle` may replace the parameters' values; afterwards they are restored.

    Raises:
        InputError: for a model that loads weights only when it runs.
    """
    if any(parameter.is_meta for parameter in model.parameters()):
        raise InputError(
            f"{type(model).__name__} loads offloaded weights when it runs, and they cannot be "
            f"randomised; leave this metric out, or load the model onto one device"
        )
    kept = [(parameter, parameter.data) for parameter in model.parameters()]
    try:
        yield
    finally:
        for parameter, values in kept:
            parameter.data = values


def cascade(model: nn.Module, depths: int) -> list[list[tuple[str, nn.Module]]]:
    """The layers with own weights, the last first, in `depths` parts of about equal size."""
    layers = [
        (name, module)
        for name, module in model.named_modules()
        if any(True for _ in module.parameters(recurse=False))
    ][::-1]
    size = math.ceil(len(layers) / depths)
    return [layers[start : start + size] for start in range(0, len(layers), size)]


def shuffle(module: nn.Module, generator: torch.Generator) -> None:
    """Give each of the module's own parameters its values in random order.

    A permutation destroys what was learned and keeps the scale of the weights. With weights drawn
    from another distribution, a network's outputs may all be zero, or infinite.
    """
    for parameter in module.parameters(recurse=False):
        order = torch.randperm(parameter.numel(), generator=generator, device="cpu")
        order = order.to(parameter.device)
        values: Tensor = parameter.data.flatten()[order].view_as(parameter)
        parameter.data = values  # a new tensor, so that `weights_kept` has the old values
