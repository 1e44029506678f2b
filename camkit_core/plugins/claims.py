"""Claims on names: what a name may mean, and which of several plugins gets it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ..errors import PluginError
from .contribution import BUILT_IN, FROM_CODE, Contribution
from .names import fold, loosely
from .policy import Policy
from .source import is_installed

Claims = Mapping[str, Sequence[Contribution]]  # by the key of a name, who claims it


def key(kind: str, name: str) -> str:
    """The key of a name, which spellings share; an adapter's name is a path and has one alone."""
    return name if kind == "adapter" else fold(name)


def claims_on(rows: Iterable[Contribution]) -> Claims:
    """Contributions of one kind by the keys of their names."""
    claims: dict[str, list[Contribution]] = defaultdict(list)
    for row in rows:
        claims[key(row.kind, row.name)].append(row)
    return dict(claims)


def claims_by(distribution: str, claims: Claims) -> Claims:
    """The claims of one distribution alone."""
    owner = fold(distribution)
    return claims_on(
        row for rows in claims.values() for row in rows if fold(row.distribution) == owner
    )


def meant(kind: str, name: str, claims: Claims) -> Sequence[Contribution]:
    """The claims on a name; of a method, also on the only name it is another spelling of."""
    rows = claims.get(key(kind, name), ())
    if rows or kind != "method":
        return rows
    alike = [each for each in claims if loosely(each) == loosely(name)]
    return claims[alike[0]] if len(alike) == 1 else ()


def order(row: Contribution) -> tuple[bool, str, str]:
    """Where a contribution stands in a list: by distribution and name; what came by code last."""
    return row.distribution == FROM_CODE, fold(row.distribution), row.name


def with_status(claims: Sequence[Contribution], policy: Policy) -> list[Contribution]:
    """The contributions of one name, each with its status."""
    used = [row for row in claims if policy.uses(row.distribution, row.name)]
    there = [row for row in used if row.target or is_installed(row.value.partition(":")[0])]
    from_code = [row for row in there if row.distribution == FROM_CODE][-1:]
    preferred = policy.prefer.get(fold(claims[0].name))
    favoured = [row for row in there if fold(row.distribution) == preferred]
    built_in = [row for row in there if row.distribution == BUILT_IN]
    winners = from_code or favoured or built_in or there

    def status(row: Contribution) -> str:
        if row not in used:
            return "disabled"
        if row not in there:
            return "missing"
        if row not in winners:
            return "shadowed"
        return "" if len(winners) == 1 else "conflict"

    return [replace(row, status=status(row)) for row in claims]


def winner(claims: Sequence[Contribution]) -> Contribution:
    """The contribution that a name means: the one it is given to, or the only one there is.

    Raises:
        PluginError: if several packages claim the name.
    """
    given = [row for row in claims if not row.status] or claims
    present = [row for row in given if row.status not in ("missing", "disabled")] or given
    if len(present) > 1:
        listed = ", ".join(f"{row.qualified} ({row.version})" for row in present)
        raise PluginError(
            f"several packages have a {present[0].kind} named {present[0].name!r}; "
            f"ask for one of: {listed}"
        )
    return present[0]
