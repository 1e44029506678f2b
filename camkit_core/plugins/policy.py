"""Which installed plugins are used: allowed, blocked and preferred plugins."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..errors import PluginError
from .contribution import BUILT_IN, FROM_CODE, Problem
from .names import fold

ALLOWED, BLOCKED, PREFERRED = "CAMKIT_PLUGINS", "CAMKIT_DISABLE_PLUGINS", "CAMKIT_PREFER"
STRICT = "CAMKIT_STRICT_PLUGINS"


@dataclass(frozen=True)
class Policy:
    """Which installed plugins are used; camkit's own are, unless one is disabled by its name.

    Distributions and names count in any spelling: case, `-`, `_` and `.` do not matter.

    Attributes:
        only: the distributions that are used; None for all.
        disable: distributions that are not used, or single contributions, "distribution:name"; "*"
            for every third party.
        prefer: by a name that several distributions claim, the distribution that gets it.
        strict: whether a plugin that has to be left out is an error.
    """

    only: frozenset[str] | None = None
    disable: frozenset[str] = frozenset()
    prefer: Mapping[str, str] = field(default_factory=dict)
    strict: bool = False

    @classmethod
    def of(
        cls,
        only: Iterable[str] | None = None,
        disable: Iterable[str] = (),
        prefer: Mapping[str, str] | None = None,
        strict: bool = False,
    ) -> Policy:
        """A policy from names in any spelling."""
        return cls(
            only=None if only is None else frozenset(map(fold, only)),
            disable=frozenset(map(fold, disable)),
            prefer={fold(name): fold(owner) for name, owner in (prefer or {}).items()},
            strict=strict,
        )

    @classmethod
    def of_environment(cls) -> Policy:
        """The policy of the environment: `CAMKIT_PLUGINS`, `CAMKIT_DISABLE_PLUGINS`,
        `CAMKIT_PREFER` and `CAMKIT_STRICT_PLUGINS`.

        Raises:
            PluginError: for a preference that is not "name=distribution".
        """
        prefer = {}
        for pair in _listed(PREFERRED):
            name, equals, owner = pair.partition("=")
            if not (name and equals and owner):
                raise PluginError(f"{PREFERRED} must list name=distribution, not {pair!r}")
            prefer[name.strip()] = owner.strip()
        return cls.of(
            only=_listed(ALLOWED) if ALLOWED in os.environ else None,
            disable=_listed(BLOCKED),
            prefer=prefer,
            strict=os.environ.get(STRICT, "") not in ("", "0"),
        )

    def uses(self, distribution: str, name: str = "") -> bool:
        """Whether a distribution is used, or one of its contributions."""
        owner = fold(distribution)
        if name and f"{owner}:{fold(name)}" in self.disable:
            return False
        if owner in (BUILT_IN, FROM_CODE):
            return True
        allowed = self.only is None or owner in self.only
        return allowed and not self.disable & {"*", owner}

    def unknown(self, installed: Iterable[str]) -> list[Problem]:
        """A problem for each distribution or name in this policy that is not installed.

        Args:
            installed: distributions, and contributions as "distribution:name".
        """
        there = {fold(name) for name in installed} | {"*"}
        mentioned = {
            "to use": self.only or (),
            "not to use": self.disable,
            "to prefer": self.prefer.values(),
        }
        return [
            Problem("", "", "", f"camkit is told {what} {name!r}, and no such plugin is installed")
            for what, names in mentioned.items()
            for name in sorted(set(names) - there)
        ]


def _listed(variable: str) -> list[str]:
    names = os.environ.get(variable, "").split(",")
    return [name.strip() for name in names if name.strip()]
