"""Register one plugin: its hooks are checked and called, and kept only if all of them work."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import pluggy

from ..errors import PluginError
from . import hookspecs
from .contribution import KINDS, Contribution, Source, contribution
from .hookspecs import Spec

HOOKS = {f"camkit_{kind}s": kind for kind in KINDS}
MOST = 10_000  # contributions of one hook or one distribution; each list waits for them
_PREFIXES = tuple(f"camkit_{kind}" for kind in KINDS)  # of hooks, and of misspelt hooks


class PluginSet:
    """Plugins that registered in full, and the contributions of each, by the plugin's name."""

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
            with _warnings_name(source) if self._deprecates else nullcontext():
                self.manager.register(plugin, name)
            self.contributions[name] = self._contributed(plugin, source)
        except BaseException:
            self.manager.unregister(name=name)
            raise

    @property
    def _deprecates(self) -> bool:
        """Whether a hook warns of itself; to catch warnings would take those of other threads."""
        return any(
            spec.warn_on_impl or spec.warn_on_impl_args
            for caller in vars(self.manager.hook).values()
            if (spec := getattr(caller, "spec", None))
        )

    def all(self) -> list[Contribution]:
        """The contributions of all plugins, in the order in which they were registered."""
        return [row for rows in list(self.contributions.values()) for row in rows]

    def remove(self, name: str) -> None:
        """Unregister the plugin of that name.

        Raises:
            PluginError: if there is none.
        """
        if name not in self.contributions:
            raise PluginError(f"no plugin named {name!r} is registered")
        self.manager.unregister(name=name)
        del self.contributions[name]

    def _contributed(self, plugin: object, source: Source) -> list[Contribution]:
        # Each plugin's hook is called by itself: through pluggy, one failure would end all others.
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
                        why = "is a hook wrapper, which camkit does not call"
                        raise PluginError(f"{caller.name} {why}")
                    yield caller.name, implementation
                elif not implementation.optionalhook:
                    raise PluginError(f"there is no hook {caller.name!r}{_suggestion(caller.name)}")


@contextmanager
def _warnings_name(source: Source) -> Iterator[None]:
    """Put the distribution's name into warnings of deprecation; pluggy's name a function alone."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        text = f"plugin {' '.join(source.named).strip()}: {warning.message}"
        warnings.warn_explicit(text, warning.category, warning.filename, warning.lineno)


def _refuse_undecorated(plugin: object) -> None:
    for name in dir(plugin):
        if name.startswith(_PREFIXES):
            attribute = inspect.getattr_static(plugin, name)
            function = getattr(attribute, "__func__", attribute)
            marked = hasattr(attribute, "camkit_impl") or hasattr(function, "camkit_impl")
            if inspect.isroutine(function) and not marked:
                raise PluginError(f"{name} lacks the decorator @hookimpl{_suggestion(name)}")


def _specs(hook: str, returned: Any) -> Iterator[Spec]:
    if not isinstance(returned, Iterable) or isinstance(returned, (str, Mapping)):
        given = type(returned).__name__
        raise PluginError(f"{hook} must return a list of Spec or of functions, not a {given}")
    # A generator that fails does so here, and costs only its plugin; so does one without an end.
    for number, item in enumerate(returned):
        if number == MOST:
            raise PluginError(f"{hook} lists more than {MOST:,} contributions")
        if isinstance(item, Spec):
            yield item
        elif callable(item) and hasattr(item, "__name__"):
            yield Spec(item.__name__, item)
        else:
            raise PluginError(f"{hook} must list Spec or functions, not a {type(item).__name__}")


def _suggestion(name: str) -> str:
    if name in HOOKS:
        return ""
    from difflib import get_close_matches

    close = get_close_matches(name, HOOKS, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; the hooks are {', '.join(HOOKS)}"
