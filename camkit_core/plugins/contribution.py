"""A method, adapter, renderer, metric or source that a package contributes; and a problem."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from operator import attrgetter
from types import SimpleNamespace
from typing import Any

from ..errors import PluginError
from .blame import account, kind_of
from .facts import Listing, Method, Metric
from .source import Description, description, first_line

KINDS = ("method", "adapter", "renderer", "metric", "source")
BUILT_IN = "camkit"
_FACTS: dict[str, type[Method] | type[Metric] | type[Listing]] = {
    "method": Method,
    "metric": Metric,
    "source": Listing,
}
BASELINE = "baseline"  # in place of the origin of a map that no plugin makes
FROM_CODE = "<code>"  # in place of a distribution's name; no distribution has such a name


@dataclass(frozen=True)
class Source:
    """The distribution that plugins come from."""

    distribution: str
    version: str = ""
    summary: str = ""

    @property
    def named(self) -> tuple[str, str]:
        """Name and version."""
        return self.distribution, self.version


@dataclass(frozen=True)
class Problem:
    """Something wrong with a plugin.

    Attributes:
        distribution: the distribution that the plugin comes from; "" for no particular one.
        version: the version of the distribution.
        plugin: "group:name"; "" for all plugins of the distribution.
        message: what is wrong.
        left_out: whether the plugin is not used because of it.
    """

    distribution: str
    version: str
    plugin: str
    message: str
    left_out: bool = True

    def __str__(self) -> str:
        if not self.distribution:
            return self.message
        plugin = f"({self.plugin})" if self.plugin else ""
        named = " ".join(filter(None, [self.distribution, self.version, plugin]))
        left_out = " is left out" if self.left_out else ""
        return f"plugin {named}{left_out}: {self.message}"


@dataclass(frozen=True)
class Contribution:
    """Something with a name that can be loaded.

    Attributes:
        kind: one of `KINDS`.
        name: the name that users ask for; of an adapter, the dotted path of a class or a prefix.
        distribution: the distribution it comes from; "<code>" if it was registered in this process.
        version: the version of the distribution; "" if there is none.
        value: where its code is, "package.module:attribute".
        status: "" if `name` means this contribution; "shadowed" if `name` means another one;
            "conflict" if several packages claim `name`, and none gets it; "missing" if its package
            is not there; "disabled" if it is not to be used.
    """

    kind: str
    name: str
    distribution: str
    version: str
    value: str
    status: str = ""
    target: Callable[..., Any] | None = field(default=None, repr=False)
    stated: str = field(default="", repr=False)
    package_summary: str = field(default="", repr=False)

    @property
    def qualified(self) -> str:
        """The name that no other package can claim: "distribution:name"."""
        return f"{self.distribution}:{self.name}"

    @property
    def origin(self) -> str:
        """Distribution and version, as in "camkit 0.1.0"."""
        return f"{self.distribution} {self.version}".strip()

    @cached_property
    def summary(self) -> str:
        """One line on what it does, found without importing it.

        It is the summary that was registered, else the first line of its docstring, else the
        summary of its distribution.
        """
        if self.stated:
            return self.stated
        return self._described.summary or self.package_summary

    @cached_property
    def facts(self) -> Method | Metric | Listing | None:
        """What a method, a metric or a source states of itself; None of another kind.

        It is read from the source, without an import; a value that is no literal there counts as
        not stated. Only a plugin of camkit's own whose source is not there is imported.
        """
        cls = _FACTS.get(self.kind)
        return cls.of(self._stating()) if cls else None

    def _stating(self) -> object:
        """What has the facts as its attributes."""
        if self.target is not None:
            return self.target
        if self.distribution == BUILT_IN and not self._described.readable:
            return self.load()
        return SimpleNamespace(**self._described.attributes)

    @cached_property
    def _described(self) -> Description:
        if self.target is None:
            return description(self.value)
        try:
            return Description(first_line(self.target.__doc__))
        except Exception:  # noqa: BLE001 - a callable of any kind may compute it, and fail
            return Description()

    def load(self) -> Any:
        """The callable, imported if it was not yet; after a failure, the next call tries again.

        Raises:
            PluginError: if it is disabled, cannot be imported, or is not callable; names the
                distribution.
        """
        if self.status == "disabled":
            raise PluginError(
                f"{self.kind} {self.name!r} of {self.origin} is installed but disabled; see "
                f"CAMKIT_DISABLE_PLUGINS, CAMKIT_PLUGINS and camkit --no-plugins"
            )
        return self._imported if self.target is None else self.target

    @cached_property
    def _imported(self) -> Any:
        try:
            loaded = imported(self.value)
        except KeyboardInterrupt:
            raise
        except BaseException as cause:
            raise self._cannot_load(f"failed with {account(cause)}") from cause
        if not callable(loaded):
            raise self._cannot_load(f"is no callable but a {kind_of(loaded)}")
        return loaded

    def _cannot_load(self, why: str) -> PluginError:
        hint = (
            f"\nto do without it: CAMKIT_DISABLE_PLUGINS={self.distribution}"
            f"\nto remove it: python -m pip uninstall {self.distribution}"
        )
        if self.distribution in (BUILT_IN, FROM_CODE):
            hint = ""
        return PluginError(
            f"{self.kind} {self.name!r} cannot be loaded: plugin {self.origin} "
            f"({self.name} = {self.value}) {why}{hint}"
        )


def is_camkits_own(origin: str) -> bool:
    """Whether camkit itself brings what has this origin: then its checks are camkit's tests."""
    return origin.partition(" ")[0] in (BUILT_IN, BASELINE)


def contribution(
    kind: str, name: str, target: Callable[..., Any] | str, summary: str, source: Source
) -> Contribution:
    """A contribution, checked.

    Raises:
        PluginError: for a name that could not be asked for, or a target that is neither a
            callable nor the text of one.
    """
    if not isinstance(name, str) or not re.fullmatch(r"\w[\w.+-]*", name):
        raise PluginError(f"a {kind}'s name is letters, digits and any of _ . + -, not {name!r}")
    if isinstance(target, str) and re.fullmatch(r"\w+(\.\w+)*:\w+(\.\w+)*", target):
        value, function = target, None
    elif callable(target):
        value, function = _whereabouts(target), target
    else:
        raise PluginError(
            f"{kind} {name!r} must be a callable or 'package.module:attribute', not {target!r}"
        )
    return Contribution(
        kind=kind,
        name=name,
        distribution=source.distribution,
        version=source.version,
        value=value,
        target=function,
        stated=first_line(summary),
        package_summary=source.summary,
    )


def _whereabouts(target: Callable[..., Any]) -> str:
    named: Any = target if hasattr(target, "__qualname__") else type(target)
    return f"{named.__module__}:{named.__qualname__}"


def imported(value: str) -> Any:
    """The object at "package.module:attribute", or the module at "package.module".

    What an import prints is no result of a command: it goes to stderr. A working directory that it
    changes is put back, as paths that the user gave are relative to it.
    """
    name, _, attribute = value.partition(":")
    with redirect_stdout(sys.stderr), _same_folder():
        module = import_module(name)
        return attrgetter(attribute)(module) if attribute else module


@contextmanager
def _same_folder() -> Iterator[None]:
    try:
        before = os.getcwd()
    except OSError:  # it was deleted
        before = ""
    try:
        yield
    finally:
        if before:
            with suppress(OSError):
                os.chdir(before)
