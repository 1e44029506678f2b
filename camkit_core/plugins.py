"""The registry: every method, adapter and renderer there is, built-in or not, through pluggy."""

from __future__ import annotations

import inspect
import re
from difflib import get_close_matches
from functools import cache, cached_property
from importlib import import_module
from typing import Any

import pluggy

from . import hookspecs
from .contribution import Contribution
from .discovery import HOOK_GROUP, EntryPointPlugin, Found, Problem, normalised, scan
from .errors import PluginError, UnknownName, unknown

BUILT_IN = "camkit"
_HOOKS = {kind: f"camkit_register_{kind}s" for kind in ("method", "adapter", "renderer")}


class Registry:
    """All contributions of installed packages, and of plugins registered by a program.

    Packages are scanned once, when something is first asked. Registries share nothing.
    """

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager("camkit")
        self._manager.add_hookspecs(hookspecs)
        self._origins: dict[str, tuple[str, str]] = {}
        self._problems: list[Problem] = []

    def register(self, plugin: object, name: str | None = None) -> None:
        """Add a module or object that implements hooks, before all installed ones.

        Raises:
            PluginError: if it implements no hook, or a wrong one.
        """
        problem = self._add(plugin, f"code:{name or id(plugin)}", ("code", ""))
        if problem:
            raise PluginError(str(problem))
        self._forget()

    def unregister(self, plugin: object) -> None:
        """Take a plugin out again that a program registered."""
        self._manager.unregister(plugin)
        self._forget()

    def contributions(self, kind: str) -> list[Contribution]:
        """All contributions of a kind, built-ins first, then by distribution and name."""
        return self._contributions[kind]

    def problems(self) -> list[Problem]:
        """Packages and plugins that could not be used."""
        self._contributions  # noqa: B018 - scans, if nothing did
        return list(self._problems)

    def status(self, contribution: Contribution) -> str:
        """ "" if its short name means it; "shadowed" or "conflict" if it needs the qualified one."""
        same = self._claimants(contribution.kind, contribution.name)
        if len(same) == 1 or same[0] == contribution and _leads(same):
            return ""
        return "shadowed" if _leads(same) else "conflict"

    def find(self, kind: str, name: str) -> Contribution:
        """The contribution a name means: short, or "distribution:name".

        A built-in keeps its short name, and a program's own plugin wins over all.

        Raises:
            UnknownName: if there is none, with the closest names.
            PluginError: if several packages claim the name.
        """
        same = self._claimants(kind, name)
        if not same:
            raise self._unknown(kind, name)
        if len(same) > 1 and not _leads(same):
            listed = " or ".join(f"{one.qualified} ({one.version})" for one in same)
            raise PluginError(f"several packages have a {kind} {name!r}; say {listed}")
        return same[0]

    def adapter_for(self, model_class: type) -> Contribution | None:
        """The adapter for a model's class: along its MRO, the longest name first.

        Raises:
            PluginError: if several packages claim the same name.
        """
        names = {one.name for one in self.contributions("adapter")}
        for base in model_class.__mro__:
            parts = f"{base.__module__}.{base.__qualname__}".split(".")
            for length in range(len(parts), 0, -1):
                if ".".join(parts[:length]) in names:
                    return self.find("adapter", ".".join(parts[:length]))
        return None

    @cached_property
    def _contributions(self) -> dict[str, list[Contribution]]:
        self._scanned  # noqa: B018
        found: dict[str, list[Contribution]] = {kind: [] for kind in _HOOKS}
        for kind, hook in _HOOKS.items():
            for implementation in getattr(self._manager.hook, hook).get_hookimpls():
                found[kind] += self._asked(kind, implementation)
        return {kind: sorted(set(ones), key=_order) for kind, ones in found.items()}

    @cached_property
    def _scanned(self) -> bool:
        points, self._problems = scan()
        for point in points:
            name = f"{normalised(point.distribution)}:{point.group}:{point.name}"
            try:
                plugin = import_module(point.value) if point.group == HOOK_GROUP else None
            except (Exception, SystemExit) as error:
                self._note(point, f"{point.value} failed with {type(error).__name__}: {error}")
                continue
            origin = (point.distribution, point.version)
            problem = self._add(plugin or EntryPointPlugin(point), name, origin)
            self._problems += [problem] if problem else []
        return True

    def _asked(self, kind: str, implementation: Any) -> list[Contribution]:
        """What one hook implementation registers; one that fails costs only itself."""
        distribution, version = self._origins[implementation.plugin_name]
        found: list[Contribution] = []

        def register(name: str, target: Any, summary: str = "") -> None:
            found.append(Contribution(kind, name, distribution, version, target, summary))

        try:
            implementation.function(register)
        except (Exception, SystemExit) as error:
            where = implementation.plugin_name
            message = f"{where} failed with {type(error).__name__}: {error}"
            self._problems.append(Problem(distribution, version, message))
            return []
        return found

    def _add(self, plugin: object, name: str, origin: tuple[str, str]) -> Problem | None:
        reason = _misspelt(plugin)
        if reason is None:
            try:
                self._manager.register(plugin, name)
                self._origins[name] = origin
                return None
            except (ValueError, pluggy.PluginValidationError) as error:
                reason = str(error)
                # pluggy keeps a plugin that it found invalid.
                if self._manager.is_registered(plugin):
                    self._manager.unregister(plugin)
        return Problem(*origin, reason)

    def _note(self, point: Found, message: str) -> None:
        self._problems.append(Problem(point.distribution, point.version, message))

    def _claimants(self, kind: str, name: str) -> list[Contribution]:
        ones = self.contributions(kind)
        qualified = [one for one in ones if _folded(one.qualified) == _folded(name)]
        return qualified or [one for one in ones if _folded(one.name) == _folded(name)]

    def _unknown(self, kind: str, name: str) -> UnknownName:
        error = unknown(kind, name, {one.name for one in self.contributions(kind)})
        hints = [str(problem) for problem in self.problems()]
        if not any(one.distribution == BUILT_IN for one in self.contributions(kind)):
            hints.append("camkit itself is not installed; run pip install in its checkout")
        return UnknownName("; ".join([str(error), *hints]))

    def _forget(self) -> None:
        vars(self).pop("_contributions", None)


def _leads(same: list[Contribution]) -> bool:
    return same[0].distribution in ("code", BUILT_IN)


def _order(one: Contribution) -> tuple[int, str, str]:
    rank = {"code": 0, BUILT_IN: 1}.get(one.distribution, 2)
    return rank, normalised(one.distribution), one.name


def _folded(name: str) -> str:
    return re.sub(r"[-_]+", "-", name).lower()


def _misspelt(plugin: object) -> str | None:
    """What is wrong with a plugin's hooks: a name that is none, or a forgotten decorator."""
    if isinstance(plugin, EntryPointPlugin):
        return None
    hooks = list(_HOOKS.values())
    found = [name for name in dir(plugin) if name.startswith("camkit_register")]
    for name in found:
        if name not in hooks:
            close = get_close_matches(name, hooks, n=1) or hooks
            return f"no hook named {name!r}; did you mean {close[0]!r}?"
        function = getattr(plugin, name)
        if not hasattr(function, "camkit_impl"):
            return f"{name} lacks the decorator @camkit_core.hookimpl"
        if any(p.default is not p.empty for p in inspect.signature(function).parameters.values()):
            return f"{name} must take `register` without a default"
    return None if found else f"it implements none of the hooks {', '.join(hooks)}"


@cache
def get_registry() -> Registry:
    """The registry that `explain` and the command use."""
    return Registry()
