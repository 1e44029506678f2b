"""Methods by the group that each states of itself, in the order of `camkit list-methods`."""

from __future__ import annotations

from collections.abc import Iterable

from .builtins import DECLARED
from .contribution import BUILT_IN, Contribution
from .facts import Method
from .registry import get_registry

THE_FIVE, BASELINES, OTHERS = "the five", "baselines", "of other packages"
GROUPS = (THE_FIVE, "gradient", "gradient-free", "attention", BASELINES)
_RANKS = {name: rank for rank, name in enumerate(DECLARED["camkit.methods"])}


def facts_of(method: Contribution) -> Method:
    """What a method states of itself."""
    facts = method.facts
    assert isinstance(facts, Method)
    return facts


def group_of(method: Contribution) -> str:
    """The group that a method states, in one line; without one, it is of other packages."""
    return " ".join(facts_of(method).group.split()) or OTHERS


def grouped(methods: Iterable[Contribution]) -> dict[str, list[Contribution]]:
    """The methods by group: camkit's groups, those of plugins, and last `OTHERS`.

    Inside a group camkit's own methods come first, in the order in which they are declared.
    """
    groups: dict[str, list[Contribution]] = {group: [] for group in GROUPS}
    for method in sorted(methods, key=_rank):
        groups.setdefault(group_of(method), []).append(method)
    if OTHERS in groups:
        groups[OTHERS] = groups.pop(OTHERS)  # to the end
    return {group: members for group, members in groups.items() if members}


def methods_of(group: str) -> tuple[str, ...]:
    """The names of the installed methods of a group that can be used, in order."""
    members = grouped(get_registry().contributions("method")).get(group, [])
    return tuple(method.name for method in members if not method.status)


def _rank(method: Contribution) -> int:
    built_in = method.distribution == BUILT_IN
    return _RANKS.get(method.name, len(_RANKS)) if built_in else len(_RANKS) + 1
