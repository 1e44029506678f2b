"""Which of the installed plugins are used: blocked, allowed and preferred ones."""

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
    """What is used of what is installed; camkit's own are, whatever is said of others.

    Distributions and names count in any spelling: case, `-`, `_` and `.` do not matter.

    Attributes:
        only: the distributions that are used; None for all.
        disable: distributions that are not, or single contributions, "distribution:name"; "*"
            for every third party.
        prefer: the distribution that a name means, where several claim it.
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
        """A choice, spelt as it comes."""
        return cls(
            only=None if only is None else frozenset(map(fold, only)),
            disable=frozenset(map(fold, disable)),
            prefer={fold(name): fold(owner) for name, owner in (prefer or {}).items()},
            strict=strict,
        )

    @classmethod
    def of_environment(cls) -> Policy:
        """What the environment says: `CAMKIT_PLUGINS`, `CAMKIT_DISABLE_PLUGINS`,
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

    def unknown(self, known: Iterable[str]) -> list[Problem]:
        """What is said of distributions, or of names, that are not there.

        Args:
            known: distributions, and contributions as "distribution:name".
        """
        there = {fold(name) for name in known} | {"*"}
        asked = {
            "to use": self.only or (),
            "not to use": self.disable,
            "to prefer": self.prefer.values(),
        }
        return [
            Problem("", "", "", f"camkit is told {what} {name!r}, and no such plugin is installed")
            for what, names in asked.items()
            for name in sorted(set(names) - there)
        ]


def _listed(variable: str) -> list[str]:
    return [one.strip() for one in os.environ.get(variable, "").split(",") if one.strip()]
