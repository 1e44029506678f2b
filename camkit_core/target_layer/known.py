"""What an adapter says of a model and a call: the given one, or the installed one that knows it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..adapter import Adapter
from ..errors import ArgumentTypeError, LayerError, shown
from ..inputs.prepare import Inputs
from .installed import installed


@dataclass(frozen=True)
class Known:
    """What is known of a model.

    Attributes:
        adapter: what says it; None if nobody does.
        origin: where that comes from.
    """

    adapter: Adapter | None
    origin: str


def known(inputs: Inputs, adapter: Adapter | None = None) -> tuple[Inputs, Known]:
    """The inputs as the adapter calls the model, and the adapter.

    Args:
        inputs: the model and its images.
        adapter: the one that is given; None for the installed one that knows the model.

    Raises:
        PluginError: if the adapter cannot be loaded, or returns something else.
        LayerError: if its entry is no method of the model.
    """
    if adapter is not None and not isinstance(adapter, Adapter):
        raise ArgumentTypeError(
            f"camkit takes adapter= as an Adapter(layer, ...), or None; got {shown(adapter)}"
        )
    found = Known(adapter, "given") if adapter else Known(*installed(inputs))
    return entered(inputs, found)


def entered(inputs: Inputs, found: Known) -> tuple[Inputs, Known]:
    """The inputs with the adapter's entry; and with its output, where the layer is to be found."""
    adapter = found.adapter
    if adapter is None:
        return inputs, found
    if inputs.forward_args.output:
        adapter = replace(adapter, output=None)  # the caller's word on the output counts
    _check_entry(inputs, adapter, found.origin)
    args = inputs.forward_args
    if adapter.entry:
        args = replace(args, entry=adapter.entry)
    if adapter.layer is None and adapter.output:
        # A search reads what targets read.
        args = replace(args, reads=adapter.output)
        adapter = replace(adapter, output=None)
    inputs = inputs if args is inputs.forward_args else replace(inputs, forward_args=args)
    return inputs, found if adapter is found.adapter else replace(found, adapter=adapter)


def _check_entry(inputs: Inputs, adapter: Adapter, origin: str) -> None:
    entry, model = adapter.entry, inputs.model
    if entry is None or callable(getattr(model, entry, None)):
        return
    said = f"adapter {origin}" if origin != "given" else "the adapter"
    raise LayerError(
        f"{said} calls {type(model).__name__} by entry={entry!r}, which is no method of it; name "
        f"one that takes the images, or leave entry out to call the model itself"
    )
