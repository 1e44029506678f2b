"""Which layers are explained, and how they are read: the caller's word, then an adapter's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
        default: the dotted name of the layer that the installed adapter takes, if there is one.
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

    A layer named by the caller is that layer's own output; the adapter still gives the reshape.

    Raises:
        NoAdapter: if nobody names a layer, no adapter knows the model, and none can be found.
        LayerError: if a named layer is not part of the model.
        PluginError: if the adapter cannot be loaded.
    """
    model = inputs.model
    known, origin = (adapter, "given") if adapter else _installed(model, inputs.images)
    if layer is None:
        if known is None:
            known, origin = automatic_adapter(inputs)
        layers: Sequence[Layer] = [known.layer]
    else:
        layers = layer if isinstance(layer, Sequence) and not isinstance(layer, str) else [layer]
    if not layers:
        raise LayerError("got an empty list of layers; name at least one, or pass layer=None")
    default = find_layer(model, known.layer)[0] if known else None
    if layer is None and reshape is None and known is not None:
        return [TargetLayer(str(default), known, origin, default)]
    base = known or Adapter(model)
    activation = base.activation if layer is None else None
    reading = reshape or base.reshape
    found = [find_layer(model, one) for one in layers]
    return [
        TargetLayer(
            name,
            Adapter(module, reading, activation=activation, output=base.output),
            f"{origin}, layer given",
            default,
        )
        for name, module in found
    ]


def _installed(model: nn.Module, images: Tensor) -> tuple[Adapter | None, str]:
    contribution = get_registry().adapter_for(type(model))
    if contribution is None:
        return None, "no adapter"
    made = contribution.load()(model, tuple(images.shape[2:]))
    return made, f"{contribution.name} ({contribution.origin})"
