"""Layers that return several tensors, such as a feature pyramid, explained as one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from typing import Any

import torch
from torch import Tensor, nn


def mapped(function: Callable[[Tensor], Any], tree: Any) -> Any:
    """What a layer or model returns, with a function applied to each tensor of it."""
    if isinstance(tree, Tensor):
        return function(tree)
    if isinstance(tree, Mapping):
        new: Any = copy(tree)
        for key, value in tree.items():
            new[key] = mapped(function, value)
        return new
    if isinstance(tree, (tuple, list)):
        items = [mapped(function, each) for each in tree]
        return type(tree)(*items) if hasattr(tree, "_fields") else type(tree)(items)
    return tree


class Bundled(nn.Module):
    """A model in which all tensors that one layer returns go through one tensor, (N, values).

    Attributes:
        join: the module that returns this tensor: the target layer in place of the other.
    """

    def __init__(self, model: nn.Module, layer: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.join = nn.Identity()
        self.kept: dict[str, Any] = {"layer": layer}
        self.train(model.training)

    def forward(self, *args: Any) -> Any:
        """What the model returns."""
        handle = self.kept["layer"].register_forward_hook(self._through)
        try:
            return self.model(*args)
        finally:
            handle.remove()

    def _through(self, module: nn.Module, args: Any, output: Any) -> Any:
        # The form without its values.
        self.kept["form"] = mapped(lambda tensor: tensor.new_empty(0, *tensor.shape[1:]), output)
        return self.apart(self.join(self.together(output)))

    @staticmethod
    def together(output: Any) -> Tensor:
        """All tensors of a layer's output as one, (N, values)."""
        parts: list[Tensor] = []
        mapped(lambda tensor: parts.append(tensor.flatten(1)), output)
        return torch.cat(parts, 1)

    def apart(self, values: Tensor) -> Any:
        """The layer's output of (N, values)."""
        sizes: list[int] = []
        form = self.kept["form"]
        mapped(lambda tensor: sizes.append(tensor[:0].flatten(1).shape[1]), form)
        pieces: Iterator[Tensor] = iter(torch.split(values, sizes, 1))
        return mapped(lambda tensor: next(pieces).reshape(-1, *tensor.shape[1:]), form)
