"""The docstring and the attributes of a plugin, read from its source without an import."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from contextlib import suppress
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple


class Description(NamedTuple):
    """A function or a class, as the source of its module has it.

    Attributes:
        summary: the first line of its docstring; "" if no source shows it.
        attributes: attributes whose values are literals, set by an assignment
            `function.name = value` or by a decorator, `@Method(name=value)`.
        readable: whether there is such source; an application frozen into one file has none.
    """

    summary: str = ""
    attributes: Mapping[str, Any] = MappingProxyType({})
    readable: bool = False


def description(value: str) -> Description:
    """The description of "package.module:attribute"; empty if no source shows it."""
    module, _, attribute = value.partition(":")
    file = _source_file(module)
    tree = _parsed(file) if file else None
    node: ast.AST | None = tree
    for name in attribute.split("."):
        node = _member(node, name)
    if tree is None or not isinstance(node, _DOCUMENTED):
        return Description()
    attributes = {**_decorated(node), **_assigned(tree, attribute)}
    return Description(first_line(ast.get_docstring(node)), _literals(attributes), True)


def _decorated(node: _Documented) -> dict[str, ast.expr]:
    """The arguments of the outermost decorator `@Method(...)` or `@Metric(...)`."""
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call):
            name = ast.unparse(decorator.func).rpartition(".")[2]  # `camkit.Method` is `Method`
            if name in ("Method", "Metric"):
                return {each.arg: each.value for each in decorator.keywords if each.arg}
    return {}


def _assigned(tree: ast.Module, owner: str) -> dict[str, ast.expr]:
    """The module's assignments to attributes of `owner`, as in `mycam.group = "gradient"`."""
    values = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                if isinstance(target, ast.Attribute) and ast.unparse(target.value) == owner:
                    values[target.attr] = statement.value
    return values


def _literals(expressions: Mapping[str, ast.expr]) -> dict[str, Any]:
    values = {}
    for name, expression in expressions.items():
        with suppress(ValueError, TypeError, MemoryError, RecursionError):  # it is no literal
            values[name] = ast.literal_eval(expression)
    return values


def first_line(text: object) -> str:
    """The first line that is not empty; "" if there is none."""
    return str(text or "").strip().partition("\n")[0].strip()


def is_installed(module: str) -> bool:
    """Whether the top-level package of a dotted module name can be found."""
    return _top_level(module) is not None


_Documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_DOCUMENTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _top_level(module: str) -> ModuleSpec | None:
    # find_spec of a dotted name imports the packages above it, so only the top level is asked for.
    try:
        return find_spec(module.partition(".")[0])
    except Exception:  # noqa: BLE001 - import hooks of other packages run here, and may fail
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
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _member(node: ast.AST | None, name: str) -> ast.AST | None:
    for child in getattr(node, "body", ()):
        if isinstance(child, _DOCUMENTED) and child.name == name:
            return child
    return None
