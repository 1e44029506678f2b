"""What a plugin's source says about it, read without importing it."""

from __future__ import annotations

import ast
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path


def docstring_line(value: str) -> str:
    """The first docstring line of "package.module:attribute"; "" if no source shows it."""
    module, _, attribute = value.partition(":")
    file = _source_file(module)
    node: ast.AST | None = _parsed(file) if file else None
    for name in attribute.split("."):
        node = _member(node, name)
    return first_line(ast.get_docstring(node)) if isinstance(node, _DOCUMENTED) else ""


def first_line(text: object) -> str:
    """The first line that says anything; "" if none does."""
    return str(text or "").strip().partition("\n")[0].strip()


def is_installed(module: str) -> bool:
    """Whether the top-level package of a dotted module name can be found."""
    return _top_level(module) is not None


_DOCUMENTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _top_level(module: str) -> ModuleSpec | None:
    # Only ever the top level: find_spec of a dotted name imports the packages above it.
    try:
        return find_spec(module.partition(".")[0])
    except Exception:  # noqa: BLE001 - import hooks of other packages run here
        return None


def _source_file(module: str) -> Path | None:
    spec = _top_level(module)
    *above, last = ["", *module.split(".")[1:]]
    if spec is None:
        return None
    if not last:
        return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None
    for location in spec.submodule_search_locations or ():
        folder = Path(location, *above)
        for file in (folder / last / "__init__.py", folder / f"{last}.py"):
            if file.is_file():
                return file
    return None


def _parsed(file: Path) -> ast.Module | None:
    try:
        return ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None


def _member(node: ast.AST | None, name: str) -> ast.AST | None:
    for child in getattr(node, "body", ()):
        if isinstance(child, _DOCUMENTED) and child.name == name:
            return child
    return None
