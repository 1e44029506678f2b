"""The registry: every method, adapter, renderer, metric and source by its name."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from ..errors import PluginError, UnknownName, unknown
from .claims import Claims, claims_by, claims_on, key, meant, order, winner, with_status
from .contribution import FROM_CODE, Contribution, Problem, Source
from .discovery import Discovery, discover
from .names import loosely
from .policy import Policy
from .registration import PluginSet

# The version of what plugins rely on; within 1, nothing is removed, renamed or made stricter.
API_VERSION = (1, 0)


class Registry:
    """Plugins by name. It looks for installed plugins when it is first used.

    It imports nothing for that, except for modules under the entry-point group `camkit`. Two
    registries share nothing.

    Args:
        only: the distributions that are used beside camkit's own; None for all.
        disable: distributions that are not used, or single contributions, "distribution:name";
            "*" for all distributions.
        prefer: by a name that several distributions claim, the distribution that gets it.
        strict: whether a plugin that has to be left out is an error.
        autoload: whether installed plugins are found; if not, there are only registered ones.

    Without these arguments, the environment counts:
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
        self._discovered: Discovery | None = None
        self._registered = PluginSet()
        self._rows: dict[str, tuple[Contribution, ...]] = {}
        self._claims: dict[str, tuple[tuple[Contribution, ...], Claims]] = {}

    def contributions(self, kind: str) -> tuple[Contribution, ...]:
        """All contributions of a kind ("method", "adapter", ...), each with its status.

        They are sorted by distribution and name; those registered from code come last.
        """
        if kind not in self._rows:
            rows = self._listed(kind)
            if self._discovered is None:
                return rows  # a plugin that is just being imported has asked
            self._rows[kind] = rows
        return self._rows[kind]

    def _listed(self, kind: str) -> tuple[Contribution, ...]:
        # A contribution that a distribution declares twice, with one value, counts once.
        rows = {
            (key(kind, row.name), row.distribution, row.value): row
            for plugins in (self._installed().plugins, self._registered)
            for row in plugins.all()
            if row.kind == kind
        }
        claims = claims_on(rows.values()).values()
        judged = [row for claim in claims for row in with_status(claim, self.choice)]
        return tuple(sorted(judged, key=order))

    def find(self, kind: str, name: str) -> Contribution:
        """The contribution of a name, or of a "distribution:name".

        Case does not count, nor which of `-`, `_` and `.` a name has; both do in an adapter's
        name, which is a Python path. A method's name may also be spelt without separators, and
        "++" as "plusplus" or "pp", where that fits one name alone. A built-in goes before any
        package that claims its name, and what was registered from code goes before a built-in.

        Raises:
            UnknownName: if there is none, with the closest one and the plugins left out.
            PluginError: if several packages claim the name.
        """
        distribution, _, short = name.rpartition(":")
        claims = self._claims_of(kind)
        if distribution:
            claims = claims_by(distribution, claims)
        rows = meant(kind, short, claims)
        if not rows:
            raise self._unknown(kind, name, self.contributions(kind))
        return winner(rows)

    def _claims_of(self, kind: str) -> Claims:
        """The claims on each name of a kind."""
        rows = self.contributions(kind)
        if kind not in self._claims or self._claims[kind][0] is not rows:
            self._claims[kind] = rows, claims_on(rows)
        return self._claims[kind][1]

    def adapter_for(self, cls: type) -> Contribution | None:
        """The adapter whose name is the path of a class in the MRO of `cls`, or a prefix of it.

        The nearest class counts first, then the longest name. None if no adapter fits.

        Raises:
            PluginError: if several packages claim the name that fits.
        """
        claims = self._claims_of("adapter")
        for ancestor in cls.__mro__:
            path = f"{ancestor.__module__}.{ancestor.__qualname__}"
            while path:
                usable = [row for row in claims.get(path, ()) if row.status in ("", "conflict")]
                if usable:
                    return winner(usable)
                path = path.rpartition(".")[0]
        return None

    def register(self, plugin: object, name: str | None = None) -> None:
        """Register an object or module with hook implementations, for this process.

        Its contributions go before all others of their names, the latest first.

        Raises:
            PluginError: if it is no plugin, or one of that name is registered.
        """
        usual = getattr(plugin, "__name__", None) or f"{type(plugin).__name__} at {id(plugin):#x}"
        self._registered.add(plugin, name or str(usual), Source(FROM_CODE))
        self._rows.clear()

    def unregister(self, plugin: object) -> None:
        """Undo `register`, for a plugin or its name.

        Raises:
            PluginError: if it is not registered.
        """
        name = plugin if isinstance(plugin, str) else self._registered.manager.get_name(plugin)
        self._registered.remove(str(name or plugin))
        self._rows.clear()

    def problems(self) -> tuple[Problem, ...]:
        """The plugins that are left out, and what else is wrong."""
        return tuple(self._installed().problems)

    def blocked(self) -> tuple[tuple[Source, str, str], ...]:
        """The hook plugins that were not imported: distribution, entry point's name and value."""
        blocked = self._installed().blocked
        return tuple((source, name, value) for source, (_, name, value) in blocked)

    def refresh(self) -> None:
        """Look for installed plugins again, as after `pip install` in a live session.

        Modules that were imported before stay as they are.
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

    def _installed(self) -> Discovery:
        if not self._autoload:
            self._discovered = self._discovered or Discovery()
        if self._discovered is None:
            # No lock is held while plugins are imported, since imports have locks of their own.
            # So several threads may scan at once, with the same result. A plugin may use the
            # registry while it is imported; it sees an incomplete list until the scan is done.
            discovered = discover(self.choice)
            if self.choice.strict and discovered.problems:
                raise PluginError(str(discovered.problems[0]))
            self._discovered = discovered
        return self._discovered

    def _unknown(self, kind: str, name: str, rows: Sequence[Contribution]) -> UnknownName:
        names = {row.qualified if ":" in name else row.name for row in rows}
        alike = sorted(each for each in names if loosely(each) == loosely(name))
        fits = [f"the name fits {' and '.join(alike)}"] if kind == "method" and alike[1:] else []
        groups = ("", "camkit", f"camkit.{kind}s")
        problems = [each for each in self.problems() if each.plugin.partition(":")[0] in groups]
        notes = [str(problem) for problem in problems]
        return UnknownName("\n".join([str(unknown(kind, name, names)), *fits, *notes]))


_default = Registry()


def get_registry() -> Registry:
    """The registry that camkit itself uses."""
    return _default


@contextmanager
def using(registry: Registry) -> Iterator[None]:
    """Have camkit use another registry inside, in all threads."""
    global _default
    before, _default = _default, registry
    try:
        yield
    finally:
        _default = before
