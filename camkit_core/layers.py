"""Layers of a model: found by name or module, and suggested when none was named."""

from __future__ import annotations

from contextlib import ExitStack
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor, nn

from .companions import Companions
from .contexts import hooked
from .errors import LayerError, NoAdapter
from .trees import first_tensor

Layer = nn.Module | str


def find_layer(model: nn.Module, layer: Layer) -> tuple[str, nn.Module]:
    """The dotted name and module of a layer given as either.

    Raises:
        LayerError: if it is no part of the model, with the closest names.
    """
    if isinstance(layer, str):
        try:
            found = model.get_submodule(layer)
        except AttributeError:
            raise _no_such_layer(model, layer) from None
        if found is not model:
            return layer, found
        raise _no_such_layer(model, layer)
    name = _name_within(model, layer, set())
    if name is None:
        raise _no_such_layer(model, layer)
    return name, layer


def _name_within(model: nn.Module, layer: Any, seen: set[nn.Module]) -> str | None:
    # From the end, where target layers are.
    for name, child in reversed(model._modules.items()):
        if child is None or child in seen:
            continue
        if child is layer:
            return name
        seen.add(child)
        if (rest := _name_within(child, layer, seen)) is not None:
            return f"{name}.{rest}"
    return None


def _no_such_layer(model: nn.Module, layer: Layer) -> LayerError:
    kind, names = type(model).__name__, [name for name, _ in model.named_modules() if name]
    if not names:
        return LayerError(f"{kind} has no layers inside it that could be explained")
    if isinstance(layer, str):
        close = get_close_matches(layer, names, n=5, cutoff=0.4) or names[-5:]
        return LayerError(f"{kind} has no layer {layer!r}; close to it: {', '.join(close)}")
    return LayerError(
        f"expected layer= as a module inside {kind} or its dotted name, got a "
        f"{type(layer).__name__} that is not part of it; e.g. {names[-1]!r}"
    )


def candidates(
    model: nn.Module, images: Tensor, companions: Companions
) -> list[tuple[str, tuple[int, ...]]]:
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
        companions.call(model, images[:1], image=0)
    return list(seen.items())


def _has_maps(output: Tensor) -> bool:
    if output.ndim >= 4:
        return max(output.shape[2:]) > 1
    return output.ndim == 3 and output.shape[1] > 1


def no_adapter(model: nn.Module, images: Tensor, companions: Companions) -> NoAdapter:
    """The error for a model no adapter knows, with the last layers that could be explained."""
    kind = f"{type(model).__module__}.{type(model).__qualname__}"
    listed = "".join(
        f"\n  {name}  {shape}" for name, shape in candidates(model, images, companions)[-8:]
    )
    return NoAdapter(
        f"no adapter knows {kind}, and no layer of it gives a grid over the image that the score's "
        f"gradient reaches; pass layer= with one of its layers. "
        f"The last ones with maps, and their output shapes:{listed or ' none'}"
    )
