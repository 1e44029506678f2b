"""Which layers are explained, and how they are read: as the caller says, else as an adapter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from ..adapter import Adapter, Reshape
from ..errors import LayerError
from ..inputs.prepare import Inputs
from .automatic import automatic
from .find import Layer, find_layer, find_named
from .given import layout_of_given
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
        of_pyramid: whether it is one of the levels of a pyramid, which are cut in one pass.
    """

    name: str
    adapter: Adapter
    origin: str
    default: str | None
    notes: tuple[str, ...] = ()
    of_pyramid: bool = False


def choose(
    inputs: Inputs,
    found: Known,
    layer: Layer | Sequence[Layer] | None = None,
    reshape: Reshape | None = None,
    targets: Sequence[Any] = (None,),
) -> list[TargetLayer]:
    """The target layers, at least one: several that the caller names, or levels of a pyramid.

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
    levels = [each for each in found.levels if each.layer is not None]
    if layer is None:
        if levels:
            return _default_layers(model, levels, origin, reshape)
        choice = automatic(inputs, targets)
        read = choice.adapter(model)
        return [replace(_default_layer(model, read, choice.reason, reshape), notes=choice.notes)]
    named = _separate(model, layer)
    if len(named) == len(levels) > 1 and _are_the_levels(model, named, levels):
        return _default_layers(model, levels, f"{origin}, layer given", reshape)
    return [_given(inputs, each, reshape, levels, origin, targets) for each in named]


def _are_the_levels(model: nn.Module, given: Sequence[Layer], levels: Sequence[Adapter]) -> bool:
    """Whether the layers that the caller names are a pyramid's levels, all of them."""
    names = {str(find_named(model, each)[0]) for each in given}
    return names == {str(_name(model, each)) for each in levels}


def together(layers: Sequence[TargetLayer]) -> list[Sequence[TargetLayer]]:
    """The layers at which each forward pass is cut: a pyramid's levels all in one."""
    return [layers] if layers[0].of_pyramid else [[layer] for layer in layers]


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
    levels: Sequence[Adapter],
    origin: str,
    targets: Sequence[Any],
) -> TargetLayer:
    """A layer that the caller names."""
    name, module = find_named(inputs.model, layer)
    defaults = [str(_name(inputs.model, each)) for each in levels]
    default = ", ".join(defaults) if levels else None
    origin = f"{origin}, layer given"
    if str(name) in defaults:
        base = levels[defaults.index(str(name))]
        own = _default_layer(inputs.model, base, origin, reshape)
        return replace(own, origin=origin, default=default)
    layout, notes = None, tuple[str, ...]()
    if reshape is None and not levels:
        layout, notes = layout_of_given(inputs, name, targets)
        reshape = layout.reshape if layout else None
    elif reshape is None:
        if not levels[0].reads_others:
            raise _unread(inputs.model, str(default), str(name))
        reshape = levels[0].reshape
    output = levels[0].output if levels else None
    channels, place = layout.channel_axis if layout else None, (name.call, name.key, name.after)
    adapter = Adapter(module, reshape, channels, None, output, *place)
    return TargetLayer(str(name), adapter, origin, default, notes)


def _unread(model: nn.Module, own: str, given: str) -> LayerError:
    return LayerError(
        f"the adapter of {type(model).__name__} reads {own!r} alone, and {given!r} may have its "
        f"values in another order; leave layer= out, or pass reshape_transform= from that layer's "
        f"output to (N, C, h, w)"
    )


def _name(model: nn.Module, adapter: Adapter) -> LayerName:
    module, _ = find_layer(model, adapter.layer)
    return LayerName(module, adapter.call, adapter.key, adapter.after)


def _default_layers(
    model: nn.Module, levels: Sequence[Adapter], origin: str, reshape: Reshape | None
) -> list[TargetLayer]:
    """The adapter's own layer, or the levels of its pyramid."""
    layers = [_default_layer(model, each, origin, reshape) for each in levels]
    several = len(layers) > 1
    return [replace(each, of_pyramid=True) for each in layers] if several else layers


def _default_layer(
    model: nn.Module, adapter: Adapter, origin: str, reshape: Reshape | None
) -> TargetLayer:
    """The adapter's own layer, read by `reshape` if it is given."""
    name = str(_name(model, adapter))
    if reshape is None:
        return TargetLayer(name, adapter, origin, name)
    read = replace(adapter, reshape=reshape, channel_axis=None)
    return TargetLayer(name, read, f"{origin}, layer given", name)
