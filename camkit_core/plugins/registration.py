"""Registering one plugin: its hooks are checked, called, and kept only if all went well."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from functools import partial
from typing import Any

import pluggy

from ..errors import PluginError
from . import hookspecs
from .contribution import Contribution, Source, contribution

HOOKS = {
    "camkit_register_methods": "method",
    "camkit_register_adapters": "adapter",
    "camkit_register_renderers": "renderer",
}


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
        heard: list[Contribution] = []

        def register(
            kind: str, name: str, target: Callable[..., Any] | str, summary: str = ""
        ) -> None:
            heard.append(contribution(kind, name, target, summary, source))

        # One by one: calling the hook through pluggy, the first failure would end all others.
        for hook, implementation in self._implementations(plugin):
            returned = implementation.function(partial(register, HOOKS[hook]))
            if returned is not None:
                given = type(returned).__name__
                raise PluginError(f"{hook} must call register and return nothing, not a {given}")
        return heard

    def _implementations(self, plugin: object) -> Iterator[tuple[str, pluggy.HookImpl]]:
        callers = self.manager.get_hookcallers(plugin)
        if not callers:
            raise PluginError(f"implements none of the hooks {', '.join(HOOKS)}")
        for caller in callers:
            for implementation in caller.get_hookimpls():
                if implementation.plugin is not plugin:
                    continue
                if caller.name in HOOKS:
                    _refuse_unusable(caller.name, implementation)
                    yield caller.name, implementation
                elif not implementation.optionalhook:
                    raise PluginError(f"there is no hook {caller.name!r}{_suggestion(caller.name)}")


def _refuse_undecorated(plugin: object) -> None:
    for name in dir(plugin):
        if name.startswith("camkit_register"):
            found = inspect.getattr_static(plugin, name)
            function = getattr(found, "__func__", found)
            marked = hasattr(found, "camkit_impl") or hasattr(function, "camkit_impl")
            if inspect.isroutine(function) and not marked:
                raise PluginError(f"{name} lacks the decorator @hookimpl{_suggestion(name)}")


def _refuse_unusable(hook: str, implementation: pluggy.HookImpl) -> None:
    if implementation.wrapper or implementation.hookwrapper:
        raise PluginError(f"{hook} is a hook wrapper, which camkit does not call")
    if "register" not in implementation.argnames:
        raise PluginError(f"{hook} must take the argument `register`, and without a default")


def _suggestion(name: str) -> str:
    if name in HOOKS:
        return ""
    close = get_close_matches(name, HOOKS, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; the hooks are {', '.join(HOOKS)}"
