"""Layers of a model: found by name or module, and suggested when none was named."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

import torch
from torch import nn

from ..errors import LayerError, LayerTypeError, shown
from ..forward.untouched import observable
from .names import LayerName, parse

Layer = nn.Module | str


def find_layer(model: nn.Module, layer: Layer) -> tuple[str, nn.Module]:
    """The dotted name and module of a layer given as either.

    Raises:
        LayerError: if it is no part of the model, with the closest names; or part of a script.
    """
    name, module = _found(model, layer)
    _refuse_scripted(model, name, module)
    return name, module


def _refuse_scripted(model: nn.Module, name: str, module: nn.Module) -> None:
    """Raise LayerError if torch runs the layer as a script, or inside one."""
    outer = model
    for part in name.split(".")[:-1]:
        outer = outer.get_submodule(part)
        if isinstance(outer, torch.jit.ScriptModule):
            break
    inside = outer is not model and isinstance(outer, torch.jit.ScriptModule)
    if inside or not observable(module):
        kind = type(outer if inside else module).__name__
        where = f"inside a {kind}" if inside else f"a {kind}"
        raise LayerError(
            f"layer {name!r} is {where}, whose layers cannot be observed; choose a layer before "
            f"or after it, or put the Python module that it was made from in its place"
        )


def _found(model: nn.Module, layer: Layer) -> tuple[str, nn.Module]:
    if isinstance(layer, str):
        try:
            # A compiled part stands here as the module it was made from.
            layer = layer.replace("_orig_mod.", "")
            module = model.get_submodule(layer)
        except AttributeError:
            raise _no_such_layer(model, layer) from None
        if module is not model:
            return layer, module
        raise _no_such_layer(model, layer)
    if isinstance(layer, nn.Module):
        layer = getattr(layer, "_orig_mod", None) or layer
    name = _name_within(model, layer, set())
    if name is None:
        raise _no_such_layer(model, layer)
    return name, layer


def find_named(model: nn.Module, layer: Layer) -> tuple[LayerName, nn.Module]:
    """The name and module of what is explained: a layer, or one of its calls or tensors.

    Raises:
        LayerError: if the layer is no part of the model, with the closest names.
    """
    if isinstance(layer, str) and any(mark in layer for mark in "#[>"):
        parts = parse(layer)
        if parts is not None:
            return parts, find_layer(model, parts.module)[1]
    name, module = find_layer(model, layer)
    return LayerName(name), module


def _name_within(model: nn.Module, layer: Any, visited: set[nn.Module]) -> str | None:
    # Begins at the end, where target layers are.
    for name, child in reversed(model._modules.items()):
        if child is None or child in visited:
            continue
        if child is layer:
            return name
        visited.add(child)
        if (rest := _name_within(child, layer, visited)) is not None:
            return f"{name}.{rest}"
    return None


def _no_such_layer(model: nn.Module, layer: Layer) -> LayerError:
    kind, names = type(model).__name__, [name for name, _ in model.named_modules() if name]
    if not names:
        return LayerError(f"{kind} has no layers inside it that could be explained")
    if isinstance(layer, str):
        close = get_close_matches(layer[:200], names, n=5, cutoff=0.4) or names[-5:]
        return LayerError(f"{kind} has no layer {shown(layer)}; close to it: {', '.join(close)}")
    error = LayerError if isinstance(layer, nn.Module) else LayerTypeError
    return error(
        f"expected layer= as a module inside {kind} or its dotted name, got one of type "
        f"{type(layer).__name__}, which is no part of it; camkit_core.layers(model, images) lists "
        f"those that can be explained"
    )
