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
    """The same as `installed_levels`, with the first of the adapters alone."""
    levels, origin = installed_levels(inputs)
    return (levels[0] if levels else None), origin


def installed_levels(inputs: Inputs) -> tuple[list[Adapter], str]:
    """The installed adapter's word on a model, and who gave it; empty where none knows it.

    It is one `Adapter`, or several: the levels of a pyramid.

    Raises:
        PluginError: if the adapter cannot be loaded, or returns anything else.
    """
    contribution = get_registry().adapter_for(type(inputs.model))
    if contribution is None:
        return [], "no adapter"
    origin = f"{contribution.name} ({contribution.origin})"
    make = contribution.load()
    with blaming_plugin(f"adapter {origin}", contribution.origin):
        given = said(make, inputs)
    levels = [] if given is None else as_levels(given)
    if levels is None:
        raise PluginError(
            f"adapter {origin} must return an Adapter, or a list of them for the levels of a "
            f"pyramid, not a {kind_of(given)}"
        )
    return levels, origin


def as_levels(given: Any) -> list[Adapter] | None:
    """One adapter, or those of a pyramid's levels, as a list; None for anything else."""
    levels = list(given) if isinstance(given, (list, tuple)) else [given]
    return levels if levels and all(isinstance(each, Adapter) for each in levels) else None


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
