"""The registry: every method, adapter and renderer by its name, whoever it comes from."""

from __future__ import annotations

import importlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from ..errors import PluginError, UnknownName, unknown
from .contribution import BUILT_IN, FROM_CODE, Contribution, Problem, Source
from .discovery import Found, discover
from .names import ALIASES, fold
from .policy import Policy
from .registration import PluginSet
from .source import is_installed

Claims = dict[str, list[Contribution]]
API_VERSION = (1, 0)  # of what plugins meet; within 1 nothing is removed, renamed or made stricter


class Registry:
    """Plugins by name. Finds what is installed when it is first asked for something.

    Nothing is imported to find it, but for modules under the entry-point group `camkit`. Two
    registries share nothing.

    Args:
        only: the distributions that are used beside camkit's own; None for all.
        disable: those that are not, or single contributions, "distribution:name"; "*" for all.
        prefer: from a name that several distributions claim to the one that gets it.
        strict: whether a plugin that has to be left out is an error.
        autoload: whether what is installed is found at all; else there is only what is registered.

    If none of these is given, the environment is asked when they are first needed:
    `CAMKIT_PLUGINS`, `CAMKIT_DISABLE_PLUGINS`, `CAMKIT_PREFER`, `CAMKIT_STRICT_PLUGINS`.
    """

    def __init__(
        self,
        only: Iterable[str] | None = None,
        disable: Iterable[str] = (),
        prefer: Mapping[str, str] | None = None,
        strict: bool = False,
        autoload: bool = True,
    ) -> None:
        given = only is not None or disable or prefer or strict
        self._choice = Policy.of(only, disable, prefer, strict) if given else None
        self._autoload = autoload
        self._discovered: Found | None = None
        self._registered = PluginSet()
        self._rows: dict[str, tuple[Contribution, ...]] = {}
        self._claims: dict[str, tuple[tuple[Contribution, ...], Claims]] = {}

    def contributions(self, kind: str) -> tuple[Contribution, ...]:
        """All of a kind ("method", "adapter", ...), each with its status.

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
        for plugins in (self._found().plugins, self._registered):
            for one in plugins.all():
                if one.kind == kind:
                    # What one distribution declares twice, in the same words, counts once.
                    groups[_key(kind, one.name)][one.distribution, one.value] = one
        choice = self.choice
        rows = [row for claims in groups.values() for row in _judged(list(claims.values()), choice)]
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
        distribution, _, short = name.rpartition(":")
        known = self._claims_of(kind)
        claims = known.get(_key(kind, short)) or known.get(_key(kind, _alias(kind, short)), [])
        if distribution:
            claims = [row for row in claims if fold(row.distribution) == fold(distribution)]
        if not claims:
            raise self._unknown(kind, name, self.contributions(kind))
        return _only(claims)

    def _claims_of(self, kind: str) -> Claims:
        """What each name of a kind may mean."""
        rows = self.contributions(kind)
        if kind not in self._claims or self._claims[kind][0] is not rows:
            claims: Claims = defaultdict(list)
            for row in rows:
                claims[_key(kind, row.name)].append(row)
            self._claims[kind] = rows, claims
        return self._claims[kind][1]

    def adapter_for(self, cls: type) -> Contribution | None:
        """The adapter whose name is the path of a class in the MRO of `cls`, or a prefix of it.

        The nearest class counts first, then the longest name. None if no adapter fits.

        Raises:
            PluginError: if several packages claim the name that fits.
        """
        known = self._claims_of("adapter")
        for ancestor in cls.__mro__:
            path = f"{ancestor.__module__}.{ancestor.__qualname__}"
            while path:
                usable = [row for row in known.get(path, ()) if row.status in ("", "conflict")]
                if usable:
                    return _only(usable)
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
        """The plugins that are left out, and what else is wrong."""
        return tuple(self._found().problems)

    def blocked(self) -> tuple[tuple[Source, str, str], ...]:
        """The hook plugins that were not imported: distribution, entry point's name and value."""
        return tuple((source, name, value) for source, (_, name, value) in self._found().blocked)

    def refresh(self) -> None:
        """Look again at what is installed, as after `pip install` in a live session.

        What was imported already stays what it is.
        """
        importlib.invalidate_caches()
        self._discovered = None
        self._rows.clear()

    @property
    def choice(self) -> Policy:
        """Which plugins are used."""
        if self._choice is None:
            self._choice = Policy.of_environment()
        return self._choice

    def _found(self) -> Found:
        if not self._autoload:
            self._discovered = self._discovered or Found()
        if self._discovered is None:
            # No lock is held while plugins are imported, for imports have locks of their own. So
            # threads may scan at once, to the same end; and a plugin may ask while it is imported,
            # and sees what can be seen then, until the scan that imports it is done.
            found = discover(self.choice)
            if self.choice.strict and found.problems:
                raise PluginError(str(found.problems[0]))
            self._discovered = found
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


@contextmanager
def using(registry: Registry) -> Iterator[None]:
    """Have camkit ask another registry for a while, in all threads."""
    global _default
    before, _default = _default, registry
    try:
        yield
    finally:
        _default = before


def _alias(kind: str, name: str) -> str:
    return ALIASES.get(fold(name), name) if kind == "method" else name


def _key(kind: str, name: str) -> str:
    return name if kind == "adapter" else fold(name)


def _order(row: Contribution) -> tuple[bool, str, str]:
    return row.distribution == FROM_CODE, fold(row.distribution), row.name


def _judged(claims: Sequence[Contribution], choice: Policy) -> list[Contribution]:
    """The contributions of one name, each with its status."""
    used = [one for one in claims if choice.uses(one.distribution, one.name)]
    there = [one for one in used if one.target or is_installed(one.value.partition(":")[0])]
    from_code = [one for one in there if one.distribution == FROM_CODE][-1:]
    preferred = choice.prefer.get(fold(claims[0].name))
    favoured = [one for one in there if fold(one.distribution) == preferred]
    built_in = [one for one in there if one.distribution == BUILT_IN]
    winners = from_code or favoured or built_in or there

    def status(one: Contribution) -> str:
        if one not in used:
            return "disabled"
        if one not in there:
            return "missing"
        if one not in winners:
            return "shadowed"
        return "" if len(winners) == 1 else "conflict"

    return [replace(one, status=status(one)) for one in claims]


def _only(claims: Sequence[Contribution]) -> Contribution:
    """The one that a name means: the one it is given to, or the only one there is."""
    chosen = [one for one in claims if not one.status] or claims
    present = [one for one in chosen if one.status not in ("missing", "disabled")] or chosen
    if len(present) > 1:
        listed = ", ".join(f"{one.qualified} ({one.version})" for one in present)
        raise PluginError(
            f"several packages have a {present[0].kind} named {present[0].name!r}; "
            f"ask for one of: {listed}"
        )
    return present[0]
