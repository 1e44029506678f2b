"""Registering one plugin: its hooks are checked, called, and kept only if all went well."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

import pluggy

from ..errors import PluginError
from . import hookspecs
from .contribution import KINDS, Contribution, Source, contribution
from .hookspecs import Spec

HOOKS = {f"camkit_{kind}s": kind for kind in KINDS}
_ALIKE = tuple(f"camkit_{kind}" for kind in KINDS)


class PluginSet:
    """Plugins that registered in full, and what each contributes, by the plugin's name."""

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager("camkit")
        self.manager.add_hookspecs(hookspecs)
        self.contributions: dict[str, list[Contribution]] = {}

    def add(self, plugin: object, name: str, source: Source) -> None:
        """Register a plugin, and call the hooks it implements.

        Raises:
            PluginError: if the name is taken, or a hook is misspelt, undecorated or unusable.
            Exception: what pluggy or the plugin raised; no trace of the plugin is left.
        """
        if self.manager.has_plugin(name):
            raise PluginError(f"a plugin named {name!r} is registered already")
        try:
            _refuse_undecorated(plugin)
            with _naming(source):
                self.manager.register(plugin, name)
            self.contributions[name] = self._heard(plugin, source)
        except BaseException:
            self.manager.unregister(name=name)
            raise

    def all(self) -> list[Contribution]:
        """What they contribute, in the order in which they were registered."""
        return [one for plugin in list(self.contributions.values()) for one in plugin]

    def remove(self, name: str) -> None:
        """Unregister the plugin of that name.

        Raises:
            PluginError: if there is none.
        """
        if name not in self.contributions:
            raise PluginError(f"no plugin named {name!r} is registered")
        self.manager.unregister(name=name)
        del self.contributions[name]

    def _heard(self, plugin: object, source: Source) -> list[Contribution]:
        # One by one: calling the hook through pluggy, the first failure would end all others.
        return [
            contribution(HOOKS[hook], spec.name, spec.target, spec.summary, source)
            for hook, implementation in self._implementations(plugin)
            for spec in _specs(hook, implementation.function())
        ]

    def _implementations(self, plugin: object) -> Iterator[tuple[str, pluggy.HookImpl]]:
        callers = self.manager.get_hookcallers(plugin)
        if not callers:
            raise PluginError(f"implements none of the hooks {', '.join(HOOKS)}")
        for caller in callers:
            for implementation in caller.get_hookimpls():
                if implementation.plugin is not plugin:
                    continue
                if caller.name in HOOKS:
                    if implementation.wrapper or implementation.hookwrapper:
                        what = "is a hook wrapper, which camkit does not call"
                        raise PluginError(f"{caller.name} {what}")
                    yield caller.name, implementation
                elif not implementation.optionalhook:
                    raise PluginError(f"there is no hook {caller.name!r}{_suggestion(caller.name)}")


@contextmanager
def _naming(source: Source) -> Iterator[None]:
    """Say which distribution it is that uses what is deprecated; pluggy knows the function only."""
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        yield
    for one in given:
        text = f"plugin {' '.join(source.named).strip()}: {one.message}"
        warnings.warn_explicit(text, one.category, one.filename, one.lineno)


def _refuse_undecorated(plugin: object) -> None:
    for name in dir(plugin):
        if name.startswith(_ALIKE):
            found = inspect.getattr_static(plugin, name)
            function = getattr(found, "__func__", found)
            marked = hasattr(found, "camkit_impl") or hasattr(function, "camkit_impl")
            if inspect.isroutine(function) and not marked:
                raise PluginError(f"{name} lacks the decorator @hookimpl{_suggestion(name)}")


def _specs(hook: str, returned: Any) -> Iterator[Spec]:
    if not isinstance(returned, Iterable) or isinstance(returned, (str, Mapping)):
        given = type(returned).__name__
        raise PluginError(f"{hook} must return a list of Spec or of functions, not a {given}")
    for one in returned:  # here, where a generator that fails costs only its plugin
        if isinstance(one, Spec):
            yield one
        elif callable(one) and hasattr(one, "__name__"):
            yield Spec(one.__name__, one)
        else:
            raise PluginError(f"{hook} must list Spec or functions, not a {type(one).__name__}")


def _suggestion(name: str) -> str:
    if name in HOOKS:
        return ""
    close = get_close_matches(name, HOOKS, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; the hooks are {', '.join(HOOKS)}"
