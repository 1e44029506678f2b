"""Modules of a model found or replaced, under pytorch-grad-cam's names."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch import nn


def _children(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    return ((name, layer) for name, layer in model._modules.items() if layer is not None)


def replace_layer_recursive(model: nn.Module, old_layer: nn.Module, new_layer: nn.Module) -> bool:
    """Put a module in the place of another, wherever it is; whether it was there."""
    for name, layer in _children(model):
        if layer is old_layer:
            model._modules[name] = new_layer
            return True
        if replace_layer_recursive(layer, old_layer, new_layer):
            return True
    return False


def replace_all_layer_type_recursive(
    model: nn.Module, old_layer_type: type[nn.Module], new_layer: nn.Module
) -> None:
    """Put one module in the place of each module of a type."""
    for name, layer in list(_children(model)):
        if isinstance(layer, old_layer_type):
            model._modules[name] = new_layer
        replace_all_layer_type_recursive(layer, old_layer_type, new_layer)


def find_layer_types_recursive(
    model: nn.Module, layer_types: list[type[nn.Module]]
) -> list[nn.Module]:
    """All modules of exactly these types, in order."""
    return find_layer_predicate_recursive(model, lambda layer: type(layer) in layer_types)


def find_layer_predicate_recursive(
    model: nn.Module, predicate: Callable[[nn.Module], bool]
) -> list[nn.Module]:
    """All modules for which the predicate holds, in order."""
    found = []
    for _, layer in _children(model):
        found += [layer] if predicate(layer) else []
        found += find_layer_predicate_recursive(layer, predicate)
    return found
