"""Layers of a model: found by name or module, and suggested when none was named."""

from __future__ import annotations

from contextlib import ExitStack
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor, nn

from .contexts import hooked
from .errors import LayerError, NoAdapter
from .trees import first_tensor

Layer = nn.Module | str


def find_layer(model: nn.Module, layer: Layer) -> tuple[str, nn.Module]:
    """The dotted name and module of a layer given as either.

    Raises:
        LayerError: if it is no part of the model, with the closest names.
    """
    modules = {n: m for n, m in model.named_modules(remove_duplicate=False) if n}
    if not modules:
        raise LayerError(f"{type(model).__name__} has no layers inside it that could be explained")
    if isinstance(layer, str):
        if layer in modules:
            return layer, modules[layer]
        close = get_close_matches(layer, modules, n=5, cutoff=0.4) or list(modules)[-5:]
        raise LayerError(
            f"{type(model).__name__} has no layer {layer!r}; close to it: {', '.join(close)}"
        )
    for name, module in modules.items():
        if module is layer:
            return name, module
    kind = type(layer).__name__
    raise LayerError(
        f"expected layer= as a module inside {type(model).__name__} or its dotted name, got a "
        f"{kind} that is not part of it; e.g. {list(modules)[-1]!r}"
    )


def candidates(model: nn.Module, images: Tensor) -> list[tuple[str, tuple[int, ...]]]:
    """Name and output shape of the layers that give activation maps, in the order they ran."""
    seen: dict[str, tuple[int, ...]] = {}

    def note(name: str) -> Any:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            found = first_tensor(output)
            if found is not None and _has_maps(found):
                seen[name] = tuple(found.shape)

        return hook

    with torch.no_grad(), ExitStack() as stack:
        for name, module in model.named_modules():
            if name:
                stack.enter_context(hooked(module, note(name)))
        model(images[:1])
    return list(seen.items())


def _has_maps(output: Tensor) -> bool:
    if output.ndim == 4:
        return max(output.shape[2:]) > 1
    return output.ndim == 3 and output.shape[1] > 1


def no_adapter(model: nn.Module, images: Tensor) -> NoAdapter:
    """The error for a model no adapter knows, with the last layers that could be explained."""
    kind = f"{type(model).__module__}.{type(model).__qualname__}"
    listed = "".join(f"\n  {name}  {shape}" for name, shape in candidates(model, images)[-8:])
    return NoAdapter(
        f"no adapter knows {kind}; pass layer= with one of its layers. "
        f"The last ones with maps, and their output shapes:{listed or ' none'}"
    )
