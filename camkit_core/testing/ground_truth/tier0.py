"""Tier 0: what a map has to be where the truth is exact, without training and without a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ...metrics.judging.baselines import MAPS
from ...plugins import get_registry
from ...plugins.lookup import look_up
from ...results.configured_method import Method
from .closed_forms import check_closed_form
from .disconnected import check_disconnected
from .finding import Finding
from .planted import check_chance, check_planted


def evaluate(
    methods: Sequence[str | Method] | None = None, watch: Callable[[str], None] = lambda name: None
) -> Iterator[Finding]:
    """Each check of each method, and of the baselines.

    Args:
        methods: names or functions; None for every installed one.
        watch: told of each before its checks run.

    Raises:
        UnknownName: for a method that is not installed.
        PluginError: for one that cannot be loaded.
    """
    asked = installed() if methods is None else list(methods)
    loaded = [look_up("method", one) for one in asked]
    for (name, function, _), one in zip(loaded, asked, strict=True):
        watch(name)
        yield from check_method(name, one, function)
    watch("baselines")
    for name, baseline in MAPS.items():
        yield check_chance(name, baseline)


def check_method(name: str, method: str | Method, function: Any) -> Iterator[Finding]:
    """All checks of one method.

    Two attributes of its function are read: `expected_failures`, in which "target" says that it
    reads no class; and `position_wise`, true if it weighs every position by itself, so that where
    the gradient is zero the map is.
    """
    knows_class = "target" not in getattr(function, "expected_failures", {})
    yield from check_closed_form(name, method)
    yield from check_planted(name, method, knows_class)
    if knows_class:
        exact = bool(getattr(function, "position_wise", False))
        yield from check_disconnected(name, method, exact)
    yield check_chance(name, method)


def installed() -> list[str]:
    """The names of all methods that can be used."""
    rows = get_registry().contributions("method")
    return [row.name for row in rows if not row.status]
