"""What an architecture adapter says: which layer to explain, and how its output becomes a grid."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .errors import LayerError

Reshape = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Adapter:
    """Where a model's activation maps are, and how to read them. Data, no behaviour.

    Attributes:
        layer: the target layer, a module of the model that runs once in a forward pass.
        reshape: from the layer's output to (N, C, h, w), linear and per image (the field's
            "reshape transform"); None for outputs that are (N, C, h, w) already.
        channel_axis: the axis of C in the layer's own output, used to ablate a channel; None
            has it found by following numbered channels through `reshape`.
        activation: applied to the layer's output before anything reads it, for models that
            apply a function in place right after the layer; must not change what they compute.
        output: from what the model returns to what targets read, for models that do not return
            their class scores, nor anything that calls them `logits`.
    """

    layer: nn.Module
    reshape: Reshape | None = None
    channel_axis: int | None = None
    activation: Callable[[Tensor], Tensor] | None = None
    output: Callable[[Any], Any] | None = None


def tokens_to_grid(height: int, width: int, prefix: int = 0) -> Reshape:
    """A reshape for transformers: (N, prefix + height * width, C) to (N, C, height, width).

    Raises:
        LayerError: when called on any other number of tokens; never reshapes by guess.
    """

    def reshape(tokens: Tensor) -> Tensor:
        if tokens.ndim == 4:
            return tokens  # a convolution inside a transformer, its patch embedding for one
        if tokens.ndim != 3 or tokens.shape[1] != prefix + height * width:
            raise LayerError(
                f"expected (N, {prefix} + {height}x{width} tokens, C) from the target layer, got "
                f"{tuple(tokens.shape)}; pass reshape_transform= for this layer or choose another"
            )
        grid = tokens[:, prefix:].reshape(len(tokens), height, width, -1)
        return grid.permute(0, 3, 1, 2)

    return reshape


def channels_last_to_grid(output: Tensor) -> Tensor:
    """A reshape for layers that keep channels last: (N, h, w, C) to (N, C, h, w).

    Raises:
        LayerError: for any other number of axes.
    """
    if output.ndim != 4:
        raise LayerError(
            f"expected (N, h, w, C) from the target layer, got {tuple(output.shape)}; pass "
            f"reshape_transform= for this layer or choose another"
        )
    return output.permute(0, 3, 1, 2)


def as_grid(adapter: Adapter, output: Tensor) -> Tensor:
    """The layer's output (or its gradient) as (N, C, h, w).

    Raises:
        LayerError: if it has another shape and the adapter has no reshape for it.
    """
    grid = output if adapter.reshape is None else adapter.reshape(output)
    if grid.ndim != 4:
        given = "after reshape_transform" if adapter.reshape else "from the target layer"
        raise LayerError(
            f"expected activations (N, C, h, w) {given}, got {tuple(grid.shape)}"
            f"{_possible_grids(grid)}; pass reshape_transform= or choose another layer"
        )
    return grid


def _possible_grids(output: Tensor) -> str:
    if output.ndim != 3:
        return ""
    tokens = output.shape[1]
    grids = [
        f"{side}x{side} after {prefix} prefix tokens"
        for prefix in (0, 1, 2, 5)
        if (side := math.isqrt(max(tokens - prefix, 0))) ** 2 == tokens - prefix and side > 1
    ]
    return f" ({tokens} tokens: perhaps {' or '.join(grids)})" if grids else ""


def read_output(adapter: Adapter, output: Any) -> Any:
    """What targets read of a model's output."""
    return output if adapter.output is None else adapter.output(output)


def channel_axis(adapter: Adapter, output: Tensor) -> int:
    """The axis of the layer's own output along which its channels lie.

    Numbers every slice along an axis, reshapes, and looks whether channel k holds number k.

    Raises:
        LayerError: if no axis does, because the reshape mixes channels.
    """
    if adapter.channel_axis is not None:
        return adapter.channel_axis % output.ndim
    for axis in range(1, output.ndim):
        numbers = torch.arange(output.shape[axis], dtype=output.dtype, device=output.device)
        shape = [-1 if i == axis else 1 for i in range(output.ndim)]
        grid = as_grid(adapter, numbers.view(shape).expand(output.shape))
        if grid.shape[1] == len(numbers) and bool((grid == numbers[:, None, None]).all()):
            return axis
    raise LayerError(
        f"cannot tell which axis of the layer's output {tuple(output.shape)} holds the channels; "
        f"pass adapter=Adapter(layer, reshape, channel_axis=...)"
    )
