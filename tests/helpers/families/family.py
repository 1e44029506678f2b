"""A family: a model, what it is asked, and where its explained tensor is found by a plain hook."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from camkit_core.pytree import first_tensor

Inputs = Any  # images (N, C, *size), or all arguments by name


@dataclass(frozen=True)
class Family:
    """A model and its explained layer.

    Attributes:
        build: the model, the same each time.
        inputs: from a number of images to the model's arguments.
        target: as a user writes it.
        score: from the output for one image to the same score.
        layer: the name of what is to be explained.
        module: the layer's dotted name.
        grid: of the map.
        prefix: tokens before those of the grid; None for maps.
        call: which call of the module.
        key: the place of the tensor in what the module returns.
        settings: further arguments of `explain`.
        images: names of the arguments that hold images.
        jumps: whether rounding alone makes the model's gradient another, in plain torch, too.
    """

    build: Callable[[], nn.Module]
    inputs: Callable[[int], Inputs]
    target: Any
    score: Callable[[Any], Tensor]
    layer: str
    module: str
    grid: tuple[int, ...]
    prefix: int | None = None
    call: int = 0
    key: tuple[Any, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    images: tuple[str, ...] = ("pixel_values",)
    jumps: bool = False

    def alone(self, image: int, count: int) -> Inputs:
        """The arguments for one of several images."""
        inputs = self.inputs(count)
        if isinstance(inputs, Tensor):
            return inputs[image : image + 1]
        return {
            name: value[image : image + 1] if name in self.images else value
            for name, value in inputs.items()
        }

    def read(self, output: Tensor) -> Tensor:
        """The explained tensor, or a gradient of it, as (N, C, *grid)."""
        if self.prefix is None:
            return output
        tokens = output[:, self.prefix : self.prefix + prod(self.grid)]
        return tokens.transpose(1, 2).reshape(len(output), -1, *self.grid)

    def gradcam(self, model: nn.Module) -> Tensor:
        """The map (1, *grid) of the first image: the mean gradient of each channel times it."""
        inputs, kept = self.inputs(1), list[Tensor]()
        if isinstance(inputs, Tensor):
            # Twice, as torch's gradient of a batch norm of a single image may be wrong on a CPU.
            inputs = torch.cat([inputs, inputs])

        def keep(module: nn.Module, args: Any, output: Any) -> None:
            for part in self.key:
                output = output[part]
            tensor = first_tensor(output)
            assert tensor is not None
            kept.append(tensor)

        handle = model.get_submodule(self.module).register_forward_hook(keep)
        output = model(**inputs) if isinstance(inputs, dict) else model(inputs)
        handle.remove()
        (gradient,) = torch.autograd.grad(self.score(output), kept[self.call])
        A, g = self.read(kept[self.call].detach()), self.read(gradient)
        weights = g.flatten(2).mean(2)
        return (weights[(...,) + (None,) * len(self.grid)] * A).sum(1)[:1]


def drawn(*size: int, seed: int = 0) -> Tensor:
    """Random numbers that are the same each time."""
    return torch.randn(size, generator=torch.Generator().manual_seed(seed))
