"""Where an explanation comes from: versions and settings, ready for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ..plugins.lookup import look_up


def of_renderer(renderer: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """Renderer, its options, and where it comes from."""
    name, _, origin = look_up("renderer", renderer)
    taken = {option: plain(value) for option, value in options.items()}
    return {"renderer": name, "renderer_from": origin, "renderer_options": taken}


@cache  # read from disk
def camkit_version() -> str:
    """The installed version of camkit; "unknown" in a checkout that was never installed."""
    try:
        return version("camkit")
    except PackageNotFoundError:
        return "unknown"


def plain(value: Any) -> Any:
    """A value as JSON takes it: itself, or its repr."""
    return value if isinstance(value, (bool, int, float, str, type(None))) else repr(value)
