"""The registry: every method, adapter and renderer by its name, whoever it comes from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from ..errors import PluginError, UnknownName, unknown
from .contribution import BUILT_IN, FROM_CODE, Contribution, Problem, Source, fold
from .discovery import discover
from .registration import PluginSet
from .sources import is_installed


class Registry:
    """Plugins by name. Finds what is installed when it is first asked for something.

    Nothing is imported to find it, but for modules under the entry-point group `camkit`.
    """

    def __init__(self) -> None:
        self._discovered: tuple[PluginSet, list[Problem]] | None = None
        self._registered = PluginSet()
        self._rows: dict[str, tuple[Contribution, ...]] = {}
        self._adapters: tuple[tuple[Contribution, ...], dict[str, list[Contribution]]] | None = None

    def contributions(self, kind: str) -> tuple[Contribution, ...]:
        """All "method"s, "adapter"s or "renderer"s, each with its status.

        By distribution and name; those registered from code come last.
        """
        if kind not in self._rows:
            rows = self._listed(kind)
            if self._discovered is None:
                return rows  # asked by a plugin that is just being imported
            self._rows[kind] = rows
        return self._rows[kind]

    def _listed(self, kind: str) -> tuple[Contribution, ...]:
        groups: dict[str, dict[tuple[str, str], Contribution]] = defaultdict(dict)
        discovered, _ = self._found()
        for plugins in (discovered, self._registered):
            for one in plugins.all():
                if one.kind == kind:
                    # What one distribution declares twice, in the same words, counts once.
                    groups[_key(kind, one.name)][one.distribution, one.value] = one
        rows = [row for claims in groups.values() for row in _judged(list(claims.values()))]
        return tuple(sorted(rows, key=_order))

    def find(self, kind: str, name: str) -> Contribution:
        """The contribution of that name, or of that "distribution:name".

        Case does not count, nor which of `-`, `_` and `.` a name has; both do in an adapter's
        name, which is a Python path. A built-in goes before any package that claims its name,
        and what was registered from code goes before a built-in.

        Raises:
            UnknownName: if there is none, with the closest one and the plugins left out.
            PluginError: if several packages claim the name.
        """
        rows = self.contributions(kind)
        distribution, _, short = name.rpartition(":")
        claims = [row for row in rows if _key(kind, row.name) == _key(kind, short)]
        if distribution:
            claims = [row for row in claims if fold(row.distribution) == fold(distribution)]
        if not claims:
            raise self._unknown(kind, name, rows)
        return _only(claims)

    def adapter_for(self, cls: type) -> Contribution | None:
        """The adapter whose name is the path of a class in the MRO of `cls`, or a prefix of it.

        The nearest class counts first, then the longest name. None if no adapter fits.

        Raises:
            PluginError: if several packages claim the name that fits.
        """
        rows = self.contributions("adapter")
        if self._adapters is None or self._adapters[0] is not rows:
            self._adapters = rows, _by_name(rows)
        claims = self._adapters[1]
        for ancestor in cls.__mro__:
            path = f"{ancestor.__module__}.{ancestor.__qualname__}"
            while path:
                if path in claims:
                    return _only(claims[path])
                path = path.rpartition(".")[0]
        return None

    def register(self, plugin: object, name: str | None = None) -> None:
        """Register an object or module with hook implementations, for this process.

        Its contributions go before all others of their names, the latest first.

        Raises:
            PluginError: if it is no plugin, or one of that name is registered.
        """
        own = getattr(plugin, "__name__", None) or f"{type(plugin).__name__} at {id(plugin):#x}"
        self._registered.add(plugin, name or str(own), Source(FROM_CODE))
        self._rows.clear()

    def unregister(self, plugin: object) -> None:
        """Undo `register`, for a plugin or its name.

        Raises:
            PluginError: if it is not registered.
        """
        known = plugin if isinstance(plugin, str) else self._registered.manager.get_name(plugin)
        self._registered.remove(str(known or plugin))
        self._rows.clear()

    def problems(self) -> tuple[Problem, ...]:
        """The plugins that are left out, and why."""
        return tuple(self._found()[1])

    def _found(self) -> tuple[PluginSet, list[Problem]]:
        if self._discovered is None:
            # No lock is held while plugins are imported, for imports have locks of their own. So
            # threads may scan at once, to the same end; and a plugin may ask while it is imported,
            # and sees what can be seen then, until the scan that imports it is done.
            self._discovered = discover()
        return self._discovered

    def _unknown(self, kind: str, name: str, rows: Sequence[Contribution]) -> UnknownName:
        names = {row.qualified if ":" in name else row.name for row in rows}
        groups = ("", "camkit", f"camkit.{kind}s")
        notes = [str(one) for one in self.problems() if one.plugin.partition(":")[0] in groups]
        return UnknownName("\n".join([str(unknown(kind, name, names)), *notes]))


_default = Registry()


def get_registry() -> Registry:
    """The registry that camkit itself asks."""
    return _default


def _key(kind: str, name: str) -> str:
    return name if kind == "adapter" else fold(name)


def _by_name(rows: tuple[Contribution, ...]) -> dict[str, list[Contribution]]:
    """Those that a name may mean."""
    claims: dict[str, list[Contribution]] = defaultdict(list)
    for row in rows:
        if row.status in ("", "conflict"):
            claims[row.name].append(row)
    return claims


def _order(row: Contribution) -> tuple[bool, str, str]:
    return row.distribution == FROM_CODE, fold(row.distribution), row.name


def _judged(claims: Sequence[Contribution]) -> list[Contribution]:
    """The contributions of one name, each with its status."""
    there = [one for one in claims if one.target or is_installed(one.value.partition(":")[0])]
    from_code = [one for one in there if one.distribution == FROM_CODE][-1:]
    winners = from_code or [one for one in there if one.distribution == BUILT_IN] or there

    def status(one: Contribution) -> str:
        if one not in there:
            return "missing"
        if one not in winners:
            return "shadowed"
        return "" if len(winners) == 1 else "conflict"

    return [replace(one, status=status(one)) for one in claims]


def _only(claims: Sequence[Contribution]) -> Contribution:
    """The one that a name means: the one it is given to, or the only one there is."""
    chosen = [one for one in claims if not one.status] or claims
    present = [one for one in chosen if one.status != "missing"] or chosen
    if len(present) > 1:
        listed = ", ".join(f"{one.qualified} ({one.version})" for one in present)
        raise PluginError(
            f"several packages have a {present[0].kind} named {present[0].name!r}; "
            f"ask for one of: {listed}"
        )
    return present[0]
