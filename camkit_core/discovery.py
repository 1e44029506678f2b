"""Entry points of installed packages, as plugins of the hooks; nothing is imported to find them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from .hookspecs import Register, hookimpl

GROUPS = {"camkit.methods": "method", "camkit.adapters": "adapter", "camkit.renderers": "renderer"}
HOOK_GROUP = "camkit"


@dataclass(frozen=True)
class Found:
    """One entry point of one installed package."""

    distribution: str
    version: str
    group: str
    name: str
    value: str


@dataclass(frozen=True)
class Problem:
    """A package or plugin that could not be used, and why."""

    distribution: str
    version: str
    message: str

    def __str__(self) -> str:
        return f"plugin {self.distribution} {self.version}: {self.message}".replace("  ", " ")


class EntryPointPlugin:
    """One entry point as a plugin: its name is known, its code is not imported."""

    def __init__(self, found: Found) -> None:
        self.found = found
        self.kind = GROUPS[found.group]

    def _register(self, kind: str, register: Register) -> None:
        if self.kind == kind:
            register(self.found.name, self.found.value)

    @hookimpl
    def camkit_register_methods(self, register: Register) -> None:
        """Contribute the entry point if it is a method."""
        self._register("method", register)

    @hookimpl
    def camkit_register_adapters(self, register: Register) -> None:
        """Contribute the entry point if it is an adapter."""
        self._register("adapter", register)

    @hookimpl
    def camkit_register_renderers(self, register: Register) -> None:
        """Contribute the entry point if it is a renderer."""
        self._register("renderer", register)


def normalised(distribution: str) -> str:
    """A distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def scan() -> tuple[list[Found], list[Problem]]:
    """camkit's entry points of all installed packages, in an order that does not depend on disk.

    A package on the path twice counts once, as it does for imports: the first. One with broken
    metadata costs only itself.
    """
    found: list[Found] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    for distribution in metadata.distributions():
        try:
            points = [p for p in distribution.entry_points if p.group in (*GROUPS, HOOK_GROUP)]
            if not points or normalised(distribution.name) in seen:
                continue
            seen.add(normalised(distribution.name))
            found += [
                Found(distribution.name, distribution.version, point.group, point.name, point.value)
                for point in points
            ]
        except Exception as error:  # noqa: BLE001 - whatever foreign metadata can raise
            problems += _unreadable(distribution, error)
    ordered = sorted(set(found), key=lambda one: (normalised(one.distribution), one.group, one.name))
    return ordered, problems


def _unreadable(distribution: Any, error: Exception) -> Iterator[Problem]:
    text = distribution.read_text("entry_points.txt") or ""
    if HOOK_GROUP in text:
        where = getattr(distribution, "_path", "an unnamed package")
        yield Problem(str(where), "", f"its entry points cannot be read: {error}")
