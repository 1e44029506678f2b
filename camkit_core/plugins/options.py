"""Options of methods, renderers and metrics: the keyword-only arguments of their functions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ..errors import CamkitError


@lru_cache(maxsize=256)
def takes(function: Callable[..., Any]) -> tuple[str | None, ...]:
    """Names of the options that `function` takes; None stands for any other name."""
    parameters = inspect.signature(function).parameters.values()
    named = (each.name for each in parameters if each.kind is each.KEYWORD_ONLY)
    return *named, *(None for each in parameters if each.kind is each.VAR_KEYWORD)


def checked(function: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """The options among `options` that `function` takes.

    Raises:
        CamkitError: for a value that the function's `Literal` annotation does not allow.
    """
    names = takes(function)
    taken = {name: value for name, value in options.items() if name in names or None in names}
    hints = _hints(function) if taken else {}
    for name, value in taken.items():
        if get_origin(hints.get(name)) is Literal and value not in get_args(hints[name]):
            allowed = ", ".join(map(repr, get_args(hints[name])))
            owner = getattr(function, "__name__", "this")
            raise CamkitError(f"{owner} takes {name}= one of {allowed}; got {value!r}")
    return taken


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(function)
    except (NameError, TypeError):  # an annotation that only a type checker can read
        return {}
