"""The hooks of camkit: how a plugin says what it contributes.

Most plugins need none of this: an entry point in one of the groups `camkit.methods`,
`camkit.adapters` or `camkit.renderers` is a hook implementation already. A module (or an object)
under the group `camkit` implements the hooks itself, for many contributions, or for names that are
known only when it runs.

An implementation is called when plugins are first asked for, and has to be quick: it should not
import torch. It returns nothing. If it raises, nothing that its plugin registered is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import pluggy

hookspec = pluggy.HookspecMarker("camkit")
hookimpl = pluggy.HookimplMarker("camkit")


class Register(Protocol):
    """What a hook implementation calls, once for each contribution."""

    def __call__(self, name: str, target: Callable[..., Any] | str, summary: str = "") -> None:
        """Contribute `target` under `name`.

        Args:
            name: what people will ask for; letters, digits and `_ . + -`.
            target: the callable, or "package.module:attribute", imported when first used.
            summary: one line on what it does; "" takes the first line of its docstring.

        Raises:
            PluginError: if the name or the target is neither of these.
        """


@hookspec
def camkit_register_methods(register: Register) -> None:
    """Register methods: functions of a `Probe` that return a signed map (N, h, w).

    >>> from camkit_core.plugins import Registry
    >>> class Plugin:
    ...     @hookimpl
    ...     def camkit_register_methods(self, register):
    ...         for power in (1, 2):
    ...             register(f"lab-{power}", "lab.methods:powers", f"To the power of {power}")
    >>> registry = Registry()
    >>> registry.register(Plugin(), "lab")
    >>> registry.find("method", "lab-2").summary
    'To the power of 2'
    """


@hookspec
def camkit_register_adapters(register: Register) -> None:
    """Register adapters: functions of a model and its input's size that return an `Adapter`.

    The size is (height, width); of signals (length,), of volumes (depth, height, width).

    The name is the dotted path of a class, or a dotted prefix of it.

    >>> from camkit_core.plugins import Registry
    >>> class Plugin:
    ...     @hookimpl
    ...     def camkit_register_adapters(self, register):
    ...         register("fractions.Fraction", lambda model, size: None, "The last fraction")
    >>> registry = Registry()
    >>> registry.register(Plugin(), "lab")
    >>> from fractions import Fraction
    >>> registry.adapter_for(Fraction).summary
    'The last fraction'
    """


@hookspec
def camkit_register_renderers(register: Register) -> None:
    """Register renderers: functions of an explanation, an index and a picture.

    >>> from camkit_core.plugins import Registry
    >>> class Plugin:
    ...     @hookimpl
    ...     def camkit_register_renderers(self, register):
    ...         register("plain", lambda explanation, index, picture: picture, "The picture")
    >>> registry = Registry()
    >>> registry.register(Plugin(), "lab")
    >>> registry.find("renderer", "plain").load()(None, 0, "picture")
    'picture'
    """
