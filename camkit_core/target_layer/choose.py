"""Which layers are explained, and how they are read: as the caller says, else as an adapter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor, nn

from ..adapter import Adapter, Reshape
from ..errors import LayerError
from ..inputs.prepare import Inputs
from ..plugins import get_registry
from .automatic import automatic_adapter
from .find import Layer, find_layer


@dataclass(frozen=True)
class TargetLayer:
    """A target layer.

    Attributes:
        name: its dotted name.
        adapter: how to read it.
        origin: who chose layer and reshape.
        default: the dotted name of the adapter's own layer, if there is an adapter.
    """

    name: str
    adapter: Adapter
    origin: str
    default: str | None


def choose(
    inputs: Inputs,
    layer: Layer | Sequence[Layer] | None = None,
    reshape: Reshape | None = None,
    adapter: Adapter | None = None,
) -> list[TargetLayer]:
    """The target layers, at least one.

    A layer that the caller names is read by the adapter's reshape, without its `activation`.

    Raises:
        NoAdapter: if nobody names a layer, no adapter knows the model, and none can be found.
        LayerError: if a named layer is not part of the model.
        PluginError: if the adapter cannot be loaded.
    """
    model = inputs.model
    base, origin = (adapter, "given") if adapter else _installed(model, inputs.images)
    if base and inputs.forward_args.output:
        base = replace(base, output=None)  # the caller's word on the output counts
    if layer is None:
        base, origin = (base, origin) if base else automatic_adapter(inputs)
        return [_default_layer(model, base, origin, reshape)]
    layers = layer if isinstance(layer, Sequence) and not isinstance(layer, str) else [layer]
    if not layers:
        raise LayerError("got an empty list of layers; name at least one, or pass layer=None")
    default = find_layer(model, base.layer)[0] if base else None
    base = base or Adapter(model)
    return [
        TargetLayer(
            name,
            Adapter(module, reshape or base.reshape, output=base.output),
            f"{origin}, layer given",
            default,
        )
        for name, module in [find_layer(model, named) for named in layers]
    ]


def _default_layer(
    model: nn.Module, adapter: Adapter, origin: str, reshape: Reshape | None
) -> TargetLayer:
    """The adapter's own layer, read by `reshape` if it is given."""
    name, _ = find_layer(model, adapter.layer)
    if reshape is None:
        return TargetLayer(name, adapter, origin, name)
    read = replace(adapter, reshape=reshape, channel_axis=None)
    return TargetLayer(name, read, f"{origin}, layer given", name)


def _installed(model: nn.Module, images: Tensor) -> tuple[Adapter | None, str]:
    contribution = get_registry().adapter_for(type(model))
    if contribution is None:
        return None, "no adapter"
    adapter = contribution.load()(model, tuple(images.shape[2:]))
    return adapter, f"{contribution.name} ({contribution.origin})"
