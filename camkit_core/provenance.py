"""Where an explanation comes from: versions and settings, ready for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from .plans import Plan, found
from .selection import Chosen


def provenance(
    plan: Plan, layers: Sequence[Chosen], smoothing: Mapping[str, bool]
) -> dict[str, Any]:
    """Method, options, layers and versions."""
    return {
        "method": plan.name,
        "method_from": plan.origin,
        "options": {name: _plain(value) for name, value in plan.options.items()},
        "layers": [chosen.name for chosen in layers],
        "adapter": layers[0].origin,
        **smoothing,
        "camkit": camkit_version(),
        "torch": torch.__version__,
    }


def of_renderer(renderer: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """Renderer, its options, and where it comes from."""
    name, _, origin = found("renderer", renderer)
    plain = {option: _plain(value) for option, value in options.items()}
    return {"renderer": name, "renderer_from": origin, "renderer_options": plain}


@cache  # read from disk
def camkit_version() -> str:
    """The installed version of camkit; "unknown" in a checkout that was never installed."""
    try:
        return version("camkit")
    except PackageNotFoundError:
        return "unknown"


def _plain(value: Any) -> Any:
    return value if isinstance(value, (bool, int, float, str, type(None))) else repr(value)
