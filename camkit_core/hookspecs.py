"""The hooks a plugin may implement, and the markers for both sides.

Most plugins need none of this: an entry point in `camkit.methods`, `camkit.adapters` or
`camkit.renderers` is enough. A module (or object) under the group `camkit` implements hooks:

    from camkit_core import hookimpl

    @hookimpl
    def camkit_register_methods(register):
        register("mycam", "my_package.mycam:mycam", "One line on what it does")
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import pluggy

hookspec = pluggy.HookspecMarker("camkit")
hookimpl = pluggy.HookimplMarker("camkit")


class Register(Protocol):
    """What a hook is given to call, once for each contribution."""

    def __call__(self, name: str, target: str | Callable[..., Any], summary: str = "") -> None:
        """Contribute `target` under `name`.

        Args:
            name: of the method or renderer; of an adapter, the dotted class path it is for.
            target: the function, or "package.module:attribute", imported when first used.
            summary: one line on what it does; by default the docstring's first line.
        """


@hookspec
def camkit_register_methods(register: Register) -> None:
    """Contribute methods: functions of a `Probe` that return a map (N, h, w)."""


@hookspec
def camkit_register_adapters(register: Register) -> None:
    """Contribute adapters: functions of a model and (height, width) that return an `Adapter`."""


@hookspec
def camkit_register_renderers(register: Register) -> None:
    """Contribute renderers: functions of explanation, index and picture that return one."""
