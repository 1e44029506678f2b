"""Options of methods, renderers and metrics: the keyword-only arguments of their functions."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .. import arguments


def takes(function: Callable[..., Any]) -> tuple[str | None, ...]:
    """Names of the options that `function` takes; None stands for any other name."""
    parameters = _parameters(function).values()
    named = (each.name for each in parameters if each.kind is each.KEYWORD_ONLY)
    return *named, *(None for each in parameters if each.kind is each.VAR_KEYWORD)


def by_position(function: Callable[..., Any]) -> tuple[str, ...]:
    """Names of the arguments that `function` takes by position, which are no options."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(name for name, each in _parameters(function).items() if each.kind in kinds)


def checked(
    function: Callable[..., Any], options: Mapping[str, Any], owner: str = ""
) -> dict[str, Any]:
    """The options among `options` that `function` takes, as it takes them.

    Each is checked by its annotation, as `camkit_core.arguments` reads it. The default is always
    taken, and so is any value of an option without an annotation.

    Args:
        function: that takes them.
        options: its keyword arguments, and others.
        owner: the name that the user knows it by, for errors; "" for the function's own.

    Raises:
        ArgumentError: for a value out of range, or that a `Literal` does not name.
        ArgumentTypeError: for a value of another type.
    """
    if not options:
        return {}
    names = takes(function)
    taken = {name: value for name, value in options.items() if name in names or None in names}
    known_as = owner or str(getattr(function, "__name__", "this"))
    return {name: _checked(function, known_as, name, value) for name, value in taken.items()}


def _checked(function: Callable[..., Any], owner: str, name: str, value: Any) -> Any:
    parameter = _parameters(function).get(name)
    if not parameter or parameter.kind is not parameter.KEYWORD_ONLY or value is parameter.default:
        return value
    return arguments.checked(owner, name, value, _annotation(function, parameter.annotation))


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(function).parameters
    except (ValueError, TypeError):  # of a function that is written in C
        return {}


def _annotation(function: Callable[..., Any], stated: Any) -> Any:
    """An annotation as an object; `Any` for one that only a type checker can read."""
    if stated is inspect.Parameter.empty:
        return Any
    if not isinstance(stated, str):
        return stated
    try:
        return eval(stated, _globals(function))
    except Exception:  # noqa: BLE001 - whatever its evaluation raises
        return Any


def _globals(function: Any) -> dict[str, Any]:
    """The names that the code of a function sees, also inside a wrapper or a partial."""
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(function)
    called = function if hasattr(function, "__globals__") else type(function).__call__
    return dict(getattr(getattr(called, "__func__", called), "__globals__", {}))


@dataclass(frozen=True)
class Option:
    """An option in words.

    Attributes:
        name: its name.
        takes: what is taken, as "an integer of at least 1, or None".
        default: as Python writes it; "" if it has to be given.
        required: whether it has to be given.
    """

    name: str
    takes: str
    default: str
    required: bool


def described(function: Callable[..., Any]) -> list[Option]:
    """The options of `function`, in words."""
    return [
        Option(name, _taken(function, each.annotation), _default(each), each.default is each.empty)
        for name, each in _parameters(function).items()
        if each.kind is each.KEYWORD_ONLY
    ]


def _taken(function: Callable[..., Any], stated: Any) -> str:
    annotation = _annotation(function, stated)
    return "any value" if annotation is Any else arguments.in_words(annotation)


def _default(parameter: inspect.Parameter) -> str:
    if parameter.default is parameter.empty:
        return ""
    return "()" if parameter.default == () else repr(parameter.default)
