"""The names of the layers that an extractor hooks."""

from __future__ import annotations

import logging
from difflib import get_close_matches
from typing import Any

from torch import nn

from camkit_core import ArgumentTypeError, LayerError

from ._utils import locate_candidate_layer

logger = logging.getLogger(__name__)


def names_of(
    target_layer: Any, model: nn.Module, modules: dict[str, nn.Module], input_shape: tuple[int, ...]
) -> list[str]:
    """The dotted names of modules, names, a list of these, or None for the automatic choice.

    Raises:
        LayerError: for a layer that the model does not have, or if none can be chosen.
        ArgumentTypeError: for anything else.
    """
    if target_layer is None:
        return [_chosen(model, input_shape)]
    layers = target_layer if isinstance(target_layer, list) else [target_layer]
    for layer in layers:
        if not isinstance(layer, str | nn.Module):
            raise ArgumentTypeError(
                f"got a {type(layer).__name__} as target_layer; pass a module of the model, its "
                f"dotted name, or a list of these"
            )
    names = [layer if isinstance(layer, str) else name_of(layer, modules) for layer in layers]
    _check(names, modules)
    return names


def name_of(layer: nn.Module, modules: dict[str, nn.Module]) -> str:
    """The dotted name of a module inside the model; LayerError if it is not inside."""
    for name, module in modules.items():
        if module is layer:
            return name
    raise LayerError(
        f"got a {type(layer).__name__} that is not inside the model; pass a module of the model "
        f"that was given first, or its dotted name"
    )


def _chosen(model: nn.Module, input_shape: tuple[int, ...]) -> str:
    name = locate_candidate_layer(model, input_shape)
    if name is None:
        raise LayerError(
            f"no layer of the model gives a grid for an input of shape {input_shape}; specify "
            f"`target_layer`, or pass the shape of your inputs as input_shape="
        )
    logger.warning("no value was provided for `target_layer`, thus set to '%s'.", name)
    return name


def _check(names: list[str], modules: dict[str, nn.Module]) -> None:
    if missing := [name for name in names if name not in modules]:
        close = [match for name in missing for match in get_close_matches(name, modules, n=1)]
        hint = f", closest matches: {close}" if close else ""
        raise LayerError(
            f"unknown `target_layer` names: {missing}{hint}; see model.named_modules()"
        )
