"""Tier 0: what a map has to be where the truth is exact, without training and without a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ...metrics.judging.baselines import BASELINES
from ...plugins import get_registry
from ...plugins.facts import Method as Facts
from ...plugins.lookup import look_up
from ...probe.further.configured_method import Method
from .disconnected import check_disconnected
from .known_maps import check_closed_form
from .outcome import MeasuredOutcome
from .planted import check_chance, check_planted


def evaluate(
    methods: Sequence[str | Method] | None = None, watch: Callable[[str], None] = lambda name: None
) -> Iterator[MeasuredOutcome]:
    """Each check of each method, and of the baselines.

    Args:
        methods: names or functions; None for every installed one that is not `costly`.
        watch: called with each name before its checks run.

    Raises:
        UnknownName: for a method that is not installed.
        PluginError: for one that cannot be loaded.
    """
    methods = quick() if methods is None else list(methods)
    loaded = [look_up("method", method) for method in methods]  # an unknown name ends it here
    for method, (name, function, _) in zip(methods, loaded, strict=True):
        watch(name)
        yield from check_method(name, method, function)
    watch("baselines")
    for name, baseline in BASELINES.items():
        yield check_chance(name, baseline.function)


def check_method(name: str, method: str | Method, function: Any) -> Iterator[MeasuredOutcome]:
    """All checks of one method.

    Three facts that it may state are read: `needs_class`, `position_wise` and `closed_form`. That
    the check "target" of the conformance kit is expected to fail also says that it needs no class.
    """
    facts = Facts.of(function)
    needs_class = facts.needs_class and "target" not in facts.expected_failures
    yield from check_closed_form(name, method, facts.closed_form)
    yield from check_planted(name, method, needs_class)
    if needs_class:
        yield from check_disconnected(name, method, facts.position_wise)
    yield check_chance(name, method)


def quick() -> list[str]:
    """The names of all methods that can be used, but for those that take very many runs."""
    find = get_registry().find
    return [name for name in installed() if not getattr(find("method", name).facts, "costly", 0)]


def installed() -> list[str]:
    """The names of all methods that can be used."""
    rows = get_registry().contributions("method")
    return [row.name for row in rows if not row.status]
