"""Look a plugin up by its name, with its options; this module needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import UnknownName, unknown
from .options import checked, takes
from .registry import get_registry

if TYPE_CHECKING:
    from PIL.Image import Image

# The keyword arguments of `compare` itself.
SETTINGS = (
    "adapter",
    "aug_smooth",
    "batch_size",
    "eigen_smooth",
    "guided",
    "image_input",
    "metrics",
    "layer",
    "target",
)
Renderer = Callable[..., "Image"]


def find_renderer(renderer: str | Renderer, options: Mapping[str, Any]) -> Renderer:
    """A renderer with its options, which takes an explanation, an index and a picture.

    Raises:
        UnknownName: for a renderer that is not installed, or an option it does not take.
        CamkitError: for a value an option does not allow.
    """
    name, function, _ = look_up("renderer", renderer)
    refuse_unknown(options, [(name, function)])
    return partial(function, **checked(function, options))


def look_up(kind: str, given: Any) -> tuple[str, Callable[..., Any], str]:
    """Name, function and origin of a "method", "renderer" or "metric", by name or itself.

    Raises:
        UnknownName: if none of that name is installed.
        PluginError: if it cannot be loaded.
    """
    if callable(given):
        return getattr(given, "__name__", kind), given, "given"
    contribution = get_registry().find(kind, given)
    return contribution.name, contribution.load(), contribution.origin


def refuse_unknown(
    options: Mapping[str, Any], functions: Sequence[tuple[str, Callable[..., Any]]]
) -> None:
    """Raise UnknownName for an option that none of the named functions takes."""
    accepted = {name for _, function in functions for name in takes(function)}
    for option in options:
        if option not in accepted and None not in accepted:
            owners = ", ".join(name for name, _ in functions)
            close = get_close_matches(option, SETTINGS, n=1)
            if close:
                raise UnknownName(f"no option named {option!r}. Did you mean {close[0]!r}?")
            raise unknown(f"option of {owners}", option, [name for name in accepted if name])
