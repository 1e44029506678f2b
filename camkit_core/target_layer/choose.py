"""Which layers are explained, and how they are read: as the caller says, else as an adapter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from ..adapter import Adapter, Reshape
from ..errors import LayerError
from ..inputs.prepare import Inputs
from .automatic import automatic, layout_of_given
from .find import Layer, find_layer, find_named
from .known import Known
from .names import LayerName


@dataclass(frozen=True)
class TargetLayer:
    """A target layer.

    Attributes:
        name: of what is explained; given as `layer`, it names the same again.
        adapter: how to read it.
        origin: who chose layer and reshape.
        default: the name of the adapter's own layer, if there is an adapter.
        notes: what a reader of the explanation should know of the choice.
    """

    name: str
    adapter: Adapter
    origin: str
    default: str | None
    notes: tuple[str, ...] = ()


def choose(
    inputs: Inputs,
    found: Known,
    layer: Layer | Sequence[Layer] | None = None,
    reshape: Reshape | None = None,
    targets: Sequence[Any] = (None,),
) -> list[TargetLayer]:
    """The target layers, at least one.

    A layer that the caller names is read by the adapter's reshape, without its `activation`, but
    for the adapter's own layer, which is read as the adapter says. Without an adapter, the layout
    is that which the search for a layer finds.

    Args:
        inputs: the model and its images, as the adapter calls it.
        found: the adapter.
        layer: see `explain`.
        reshape: see `explain`.
        targets: what is asked; a layer that is found must be read by their scores.

    Raises:
        NoAdapter: if nobody names a layer, no adapter knows the model, and none can be found.
        LayerError: if a named layer is not part of the model.
        TargetError: if the model's output has no such score.
    """
    model, origin = inputs.model, found.origin
    base = found.adapter if found.adapter and found.adapter.layer is not None else None
    if layer is None:
        if base:
            return [_default_layer(model, base, origin, reshape)]
        choice = automatic(inputs, targets)
        read = choice.adapter(model)
        return [replace(_default_layer(model, read, choice.reason, reshape), notes=choice.notes)]
    return [
        _given(inputs, each, reshape, base, origin, targets) for each in _separate(model, layer)
    ]


def _separate(model: nn.Module, layer: Layer | Sequence[Layer]) -> Sequence[Layer]:
    """Each layer that is named; a string may name several, as `Explanation.layer` does."""
    if isinstance(layer, str):
        return layer.split(", ") if ", " in layer and layer not in model._modules else [layer]
    if isinstance(layer, nn.Module) or not isinstance(layer, Sequence):
        return [layer]
    if not layer:
        raise LayerError("got an empty list of layers; name at least one, or pass layer=None")
    return layer


def _given(
    inputs: Inputs,
    layer: Layer,
    reshape: Reshape | None,
    base: Adapter | None,
    origin: str,
    targets: Sequence[Any],
) -> TargetLayer:
    """A layer that the caller names."""
    name, module = find_named(inputs.model, layer)
    default = str(_name(inputs.model, base)) if base else None
    origin = f"{origin}, layer given"
    if base and str(name) == default:
        return replace(_default_layer(inputs.model, base, origin, reshape), origin=origin)
    if reshape is None and base is None:
        layout = layout_of_given(inputs, name, targets)
        reshape = layout.reshape if layout else None
    elif reshape is None and base:
        reshape = base.reshape
    output = base.output if base else None
    adapter = Adapter(
        module, reshape, output=output, call=name.call, key=name.key, after=name.after
    )
    return TargetLayer(str(name), adapter, origin, default)


def _name(model: nn.Module, adapter: Adapter) -> LayerName:
    module, _ = find_layer(model, adapter.layer)
    return LayerName(module, adapter.call, adapter.key, adapter.after)


def _default_layer(
    model: nn.Module, adapter: Adapter, origin: str, reshape: Reshape | None
) -> TargetLayer:
    """The adapter's own layer, read by `reshape` if it is given."""
    name = str(_name(model, adapter))
    if reshape is None:
        return TargetLayer(name, adapter, origin, name)
    read = replace(adapter, reshape=reshape, channel_axis=None)
    return TargetLayer(name, read, f"{origin}, layer given", name)
