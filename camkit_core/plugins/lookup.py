"""Look a plugin up by its name, with its options; this module needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentTypeError, PluginError, UnknownName, shown, unknown
from .blame import blaming, kind_of
from .contribution import is_camkits_own
from .options import by_position, checked, takes
from .registry import get_registry

if TYPE_CHECKING:
    from PIL.Image import Image

# The arguments of `explain` and `compare` themselves, and how the command names them.
SETTINGS = {
    "adapter": "adapter=",
    "aug_smooth": "aug_smooth=, --aug-smooth of camkit explain",
    "batch_size": "batch_size=, --batch-size of the command",
    "eigen_smooth": "eigen_smooth=, --eigen-smooth of camkit explain",
    "fuse_layers": "fuse_layers=, --fuse-layers of camkit explain",
    "guided": "guided=, --guided of camkit explain",
    "image_input": "image_input=",
    "layer": "layer=, --layer of the command",
    "method": "method= of explain, methods= of compare, --method of the command",
    "methods": "method= of explain, methods= of compare, --method of the command",
    "metrics": "metrics=, --metric of camkit compare",
    "output": "output=, --model-output of the command",
    "reshape_transform": "reshape_transform=",
    "shared_inputs": "shared_inputs=",
    "target": "target= of explain, targets= of compare, --target of the command",
    "transform": "transform=",
    "targets": "target= of explain, targets= of compare, --target of the command",
}
Renderer = Callable[..., "Image"]


def find_renderer(renderer: str | Renderer, options: Mapping[str, Any]) -> Renderer:
    """A renderer with its options, which takes an explanation, an index and a picture.

    Raises:
        UnknownName: for a renderer that is not installed, or an option it does not take.
        CamkitError: for a value an option does not allow.
    """
    name, function, origin = look_up("renderer", renderer)
    refuse_unknown(options, [(name, function)])
    draw = partial(function, **checked(function, options, name))
    return draw if is_camkits_own(origin) else partial(_drawn, draw, name, origin)


def _drawn(
    draw: Renderer, name: str, origin: str, explanation: Any, index: int, picture: Image
) -> Image:
    """What another's renderer draws of copies, as others read the explanation and the picture."""
    from PIL.Image import Image as Picture

    from ..pytree import own_copy

    culprit = f"renderer {name!r} ({origin})"
    with blaming_plugin(culprit, origin):
        drawn = draw(own_copy(explanation), index, picture.copy())
    if origin != "given" and not isinstance(drawn, Picture):
        raise PluginError(f"{culprit} must return a PIL image, and returned {kind_of(drawn)}")
    return drawn


def blaming_plugin(culprit: str, origin: str) -> AbstractContextManager[None]:
    """As `blaming`, for what another package brings.

    An error in camkit's own code comes from the model or a target, and one in a function that was
    given is its owner's: both go on as they are.
    """
    own = origin == "given" or is_camkits_own(origin)
    return nullcontext() if own else blaming(culprit)


def look_up(kind: str, given: Any) -> tuple[str, Callable[..., Any], str]:
    """Name, function and origin of a "method", "renderer", "metric" or "source".

    Args:
        kind: of the plugin.
        given: its name, or the function itself.

    Raises:
        ArgumentTypeError: for neither a name nor a function.
        UnknownName: if none of that name is installed.
        PluginError: if it cannot be loaded.
    """
    if callable(given):
        return _name_of(given, kind), given, "given"
    if not isinstance(given, str):
        several = kind == "method" and isinstance(given, (list, tuple))
        raise ArgumentTypeError(
            f"expected a {kind} as the name of an installed one or a function; got {shown(given)}"
            f"{'; compare takes several' if several else ''}"
        )
    contribution = get_registry().find(kind, given)
    return contribution.name, contribution.load(), contribution.origin


def _name_of(function: Any, kind: str) -> str:
    name = None
    with suppress(Exception):  # a callable of any kind may compute its attributes, and fail
        name = function.__name__
    return name if isinstance(name, str) else kind


def refuse_unknown(
    options: Mapping[str, Any], functions: Sequence[tuple[str, Callable[..., Any]]]
) -> None:
    """Raise UnknownName for an option that none of the named functions takes."""
    if not options:
        return
    accepted = {name for _, function in functions for name in takes(function)}
    for option in options:
        if option not in accepted and None not in accepted:
            raise _unknown_option(option, functions, [name for name in accepted if name])


def _unknown_option(
    option: str, functions: Sequence[tuple[str, Callable[..., Any]]], accepted: Sequence[str]
) -> UnknownName:
    owners = ", ".join(name for name, _ in functions)
    if option in SETTINGS:
        return UnknownName(
            f"no option of {owners} named {option!r}; it is an argument of explain and "
            f"compare themselves: {SETTINGS[option]}"
        )
    for name, function in functions:
        if option in by_position(function):
            return UnknownName(
                f"no option of {owners} named {option!r}: {name} takes it by position; options "
                f"stand behind a star, as in def {name}(probe, *, {option}=1)"
            )
    close = get_close_matches(str(option)[:100], [*accepted, *SETTINGS], n=1)
    if close and close[0] not in accepted:
        return UnknownName(f"no option named {shown(option)}. Did you mean {close[0]!r}?")
    return unknown(f"option of {owners}", option, accepted)
