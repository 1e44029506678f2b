"""Which layer torch-cam takes where none is named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["locate_candidate_layer"]


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Inside, the model is in evaluation mode; then each module has its own mode again."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def locate_candidate_layer(
    mod: nn.Module, input_shape: tuple[int, ...] = (3, 224, 224)
) -> str | None:
    """The name of the last module to end whose output is a grid of more than one position.

    Args:
        mod: the model, which is run once, on zeros, in evaluation mode.
        input_shape: of one image, without the batch.

    Returns:
        The dotted name, "" for the model itself, or None if there is no such module.
    """
    shapes = _shapes(mod, input_shape)
    grids = (name for name, shape in reversed(shapes) if _is_grid(shape, len(input_shape) + 1))
    return next(grids, None)


def _shapes(model: nn.Module, input_shape: Sequence[int]) -> list[tuple[str, torch.Size]]:
    """The name and the output's shape of each module that gives a tensor, as they end."""
    shapes: list[tuple[str, torch.Size]] = []

    def watched(name: str) -> Any:
        def note(module: nn.Module, args: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                shapes.append((name, output.shape))

        return note

    handles = [
        module.register_forward_hook(watched(name)) for name, module in model.named_modules()
    ]
    try:
        with evaluating(model), torch.no_grad():
            model(torch.zeros(1, *input_shape, device=next(model.parameters()).device))
    finally:
        for handle in handles:
            handle.remove()
    return shapes


def _is_grid(shape: Sequence[int], rank: int) -> bool:
    return len(shape) == rank and any(side != 1 for side in shape[2:])
