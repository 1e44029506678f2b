"""What an adapter says of a model and a call: the given one, or the installed one that knows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..adapter import Adapter
from ..errors import ArgumentTypeError, LayerError, shown
from ..inputs.prepare import Inputs
from .installed import as_levels, installed_levels


@dataclass(frozen=True)
class Known:
    """What is known of a model.

    Attributes:
        levels: what says it: one adapter, or one for each level of a pyramid; empty if nobody does.
        origin: where that comes from.
    """

    levels: Sequence[Adapter]
    origin: str

    @property
    def adapter(self) -> Adapter | None:
        """The adapter, or that of the pyramid's first level; None if nobody knows the model."""
        return self.levels[0] if self.levels else None


def known(
    inputs: Inputs, adapter: Adapter | Sequence[Adapter] | None = None
) -> tuple[Inputs, Known]:
    """The inputs as the adapter calls the model, and the adapter.

    Args:
        inputs: the model and its images.
        adapter: the one that is given, or those of a pyramid's levels; None for the installed one
            that knows the model.

    Raises:
        PluginError: if the adapter cannot be loaded, or returns something else.
        LayerError: if its entry is no method of the model.
    """
    if adapter is None:
        return entered(inputs, Known(*installed_levels(inputs)))
    levels = as_levels(adapter)
    if levels is None:
        raise ArgumentTypeError(
            f"camkit takes adapter= as an Adapter(layer, ...), a list of them for the levels of a "
            f"pyramid, or None; got {shown(adapter)}"
        )
    return entered(inputs, Known(levels, "given"))


def entered(inputs: Inputs, found: Known) -> tuple[Inputs, Known]:
    """The inputs with the adapter's entry; and with its output, where the layer is to be found."""
    adapter = found.adapter
    if adapter is None:
        return inputs, found
    levels = found.levels
    if inputs.forward_args.output:  # the caller's word on the output counts
        levels = [replace(each, output=None) for each in levels]
        adapter = levels[0]
    _check_entry(inputs, adapter, found.origin)
    args = inputs.forward_args
    if adapter.entry:
        args = replace(args, entry=adapter.entry)
    if adapter.layer is None and adapter.output:
        # A search reads what targets read.
        args = replace(args, reads=adapter.output)
        levels = [replace(adapter, output=None)]
    inputs = inputs if args is inputs.forward_args else replace(inputs, forward_args=args)
    return inputs, found if levels is found.levels else replace(found, levels=levels)


def _check_entry(inputs: Inputs, adapter: Adapter, origin: str) -> None:
    entry, model = adapter.entry, inputs.model
    if entry is None or callable(getattr(model, entry, None)):
        return
    said = f"adapter {origin}" if origin != "given" else "the adapter"
    raise LayerError(
        f"{said} calls {type(model).__name__} by entry={entry!r}, which is no method of it; name "
        f"one that takes the images, or leave entry out to call the model itself"
    )
