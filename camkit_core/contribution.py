"""What a plugin contributes: a name, where it comes from, and code that is imported when used."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .errors import PluginError


@dataclass(frozen=True)
class Contribution:
    """One method, adapter or renderer.

    Attributes:
        kind: "method", "adapter" or "renderer".
        name: its name; of an adapter, the dotted class path it is for.
        distribution: the package it comes from; "code" if it was registered by a program.
        version: that package's version.
        target: the function, or "package.module:attribute".
        given_summary: one line on what it does, if its plugin gave one.
    """

    kind: str
    name: str
    distribution: str
    version: str
    target: str | Callable[..., Any]
    given_summary: str = ""

    @property
    def qualified(self) -> str:
        """The name that no other package can claim: "distribution:name"."""
        return f"{self.distribution}:{self.name}"

    @property
    def summary(self) -> str:
        """One line on what it does, read without importing it."""
        if self.given_summary:
            return self.given_summary
        text = self.target.__doc__ if callable(self.target) else _docstring(self.target)
        return (text or "").strip().partition("\n")[0]

    def load(self) -> Callable[..., Any]:
        """The function itself, imported if it was not. A failure is not remembered.

        Raises:
            PluginError: if it cannot be imported, naming the package and the cause.
        """
        if callable(self.target):
            return self.target
        try:
            return _imported(self.target)
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"{self.kind} {self.name!r} could not be loaded: {self.distribution} "
                f"{self.version} ({self.target}) failed with {type(error).__name__}: {error}; "
                f"repair it, or remove it: python -m pip uninstall {self.distribution}"
            ) from error


def _imported(target: str) -> Callable[..., Any]:
    module, _, attribute = target.partition(":")
    found: Any = import_module(module)
    for part in attribute.split(".") if attribute else []:
        found = getattr(found, part)
    if not callable(found):
        raise TypeError(f"{target} is {type(found).__name__}, not a function")
    return found  # type: ignore[no-any-return]


def _docstring(target: str) -> str | None:
    """The docstring of "package.module:attribute", from its source file, nothing imported."""
    module, _, attribute = target.partition(":")
    source = _source(module)
    if source is None:
        return None
    try:
        tree = ast.parse(source.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return None
    kinds = (ast.FunctionDef, ast.ClassDef)
    named = [node for node in tree.body if isinstance(node, kinds) and node.name == attribute]
    return ast.get_docstring(named[0]) if named else None


def _source(module: str) -> Path | None:
    # Only the top-level package is looked up: finding a submodule would import its parents.
    top, *rest = module.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None or not rest:
        return Path(spec.origin) if spec and spec.origin else None
    for folder in spec.submodule_search_locations or []:
        path = Path(folder).joinpath(*rest)
        for candidate in (path.with_suffix(".py"), path / "__init__.py"):
            if candidate.is_file():
                return candidate
    return None
