"""What the installed adapter says of a model, for one call of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from inspect import Parameter, signature
from typing import Any

from ..adapter import Adapter
from ..errors import PluginError
from ..inputs.prepare import Inputs
from ..plugins import get_registry
from ..plugins.blame import kind_of
from ..plugins.lookup import blaming_plugin


def installed(inputs: Inputs) -> tuple[Adapter | None, str]:
    """The installed adapter's word on a model, and who gave it; None where no adapter knows it.

    Raises:
        PluginError: if the adapter cannot be loaded, or returns anything else.
    """
    contribution = get_registry().adapter_for(type(inputs.model))
    if contribution is None:
        return None, "no adapter"
    origin = f"{contribution.name} ({contribution.origin})"
    make = contribution.load()
    with blaming_plugin(f"adapter {origin}", contribution.origin):
        adapter = said(make, inputs)
    if adapter is not None and not isinstance(adapter, Adapter):
        raise PluginError(f"adapter {origin} must return an Adapter, not a {kind_of(adapter)}")
    return adapter, origin


def said(make: Callable[..., Any], inputs: Inputs) -> Any:
    """What an adapter's function returns for a model and the arguments of its call."""
    args = inputs.forward_args
    images = inputs.images if args.given is None else args.given
    size = tuple(images.shape[2:])
    if not takes_call(make):
        return make(inputs.model, size)
    return make(inputs.model, size, args.by_name(inputs.model, images))


def takes_call(make: Callable[..., Any]) -> bool:
    """Whether an adapter's function has a third parameter, for the arguments of the call."""
    try:
        return _positions(make) > 2
    except TypeError:  # it cannot be hashed
        return _positions.__wrapped__(make) > 2


@lru_cache(maxsize=256)
def _positions(function: Callable[..., Any]) -> int:
    """How many arguments a function takes by position, `*args` not counted."""
    try:
        kinds = [each.kind for each in signature(function).parameters.values()]
    except (TypeError, ValueError):
        return 2
    return sum(
        kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD) for kind in kinds
    )
