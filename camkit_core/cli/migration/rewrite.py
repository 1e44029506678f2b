"""A source text, rewritten for camkit: what changes is what has to, and all else stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import libcst as cst
from libcst.helpers import get_full_name_for_node
from libcst.metadata import MetadataWrapper, PositionProvider, QualifiedNameProvider

from .calls import native_call
from .homes import CAPTUM, CAPTUM_HOME, ROOTS, concerned_text, missing, names, path_home
from .imports import Request, dotted, flattened, lines_of, rewritten_from, rewritten_import

_IMPORTERS = ("import_module", "find_spec", "importorskip", "patch", "setattr", "resolve_name")


@dataclass(frozen=True)
class Rewritten:
    """A source text, and (line, why) of what of the other libraries stays in it."""

    code: str
    left: Sequence[tuple[int, str]]


def rewritten(code: str, native: bool = False) -> Rewritten:
    """A module's source, or that of a notebook's cells, rewritten.

    Raises:
        libcst.ParserSyntaxError: if it is no Python.
    """
    if not concerned_text(code):
        return Rewritten(code, [])
    tree = MetadataWrapper(cst.parse_module(code))
    uses = _Uses(native)
    tree.visit(uses)
    request = Request(native, uses.unused())
    changed = tree.visit(_Rewriter(request, uses))
    left = sorted(set(request.left) | set(uses.left))
    return Rewritten(changed.code, left)


class _Visitor(cst.CSTTransformer):
    METADATA_DEPENDENCIES = (PositionProvider, QualifiedNameProvider)

    def line(self, node: cst.CSTNode) -> int:
        """The line that a node begins on."""
        return int(self.get_metadata(PositionProvider, node).start.line)

    def captum_name(self, node: cst.CSTNode) -> str:
        """The name of captum.attr that an expression stands for, or ""."""
        found: Any = self.get_metadata(QualifiedNameProvider, node, set())
        full = [each.name for each in found if each.source.name == "IMPORT"]
        prefix = f"{CAPTUM}."
        inside = [name.removeprefix(prefix) for name in full if name.startswith(prefix)]
        return inside[0] if len(inside) == 1 and "." not in inside[0] else ""


class _Uses(_Visitor):
    """How names of captum are used."""

    def __init__(self, native: bool) -> None:
        super().__init__()
        self.native = native
        self.replaced: dict[cst.Call, str] = {}
        self.kept: set[str] = set()
        self.through_module = False
        self.by_name = False
        self.left: list[tuple[int, str]] = []
        self._gone: set[cst.CSTNode] = set()

    def visit_Call(self, node: cst.Call) -> None:
        """A call that camkit's own form does exactly alike."""
        if not self.native or not isinstance(node.func, cst.Attribute):
            return
        made = node.func.value
        if isinstance(made, cst.Call) and self.captum_name(made.func) == "LayerGradCam":
            text, why = native_call(made, node)
            if text:
                self.replaced[node] = text
                self._gone.add(made.func)
            elif why:
                self.left.append((self.line(node), why))

    def visit_Attribute(self, node: cst.Attribute) -> None:
        """A name of captum behind its module."""
        if (name := self.captum_name(node)) and node not in self._gone:
            if name in names(CAPTUM_HOME):
                self.through_module = True
            self.kept.add(name)

    def visit_Name(self, node: cst.Name) -> None:
        """A name of captum that was imported by itself."""
        if (name := self.captum_name(node)) and node not in self._gone:
            self.kept.add(name)

    def visit_ImportAlias(self, node: cst.ImportAlias) -> bool:
        """The import itself is no use."""
        self.by_name = self.by_name or get_full_name_for_node(node.name) == "LayerGradCam"
        return False

    def unused(self) -> frozenset[str]:
        """What the native form leaves no use of."""
        return frozenset({"LayerGradCam"} - self.kept) if self.replaced else frozenset()


class _Rewriter(_Visitor):
    def __init__(self, request: Request, uses: _Uses) -> None:
        super().__init__()
        self.request, self.uses = request, uses
        self._lines: dict[cst.CSTNode, int] = {}

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> Any:
        """Imports, a statement each."""
        line = self.line(original_node)
        body = flattened(updated_node.body, lambda each: self._statement(each, line))
        return updated_node if body is None else lines_of(updated_node, body)

    def leave_SimpleStatementSuite(
        self, original_node: cst.SimpleStatementSuite, updated_node: cst.SimpleStatementSuite
    ) -> Any:
        """Imports behind a colon."""
        line = self.line(original_node)
        body = flattened(updated_node.body, lambda each: self._statement(each, line))
        return updated_node if body is None else updated_node.with_changes(body=body)

    def _statement(self, node: cst.BaseSmallStatement, line: int) -> list[cst.BaseSmallStatement]:
        if isinstance(node, cst.ImportFrom):
            return [*rewritten_from(node, line, self.request), *self._own_import(node)]
        if isinstance(node, cst.Import):
            return rewritten_import(node, line, self.request, self._following(node))
        return [node]

    def _following(self, node: cst.Import) -> list[str]:
        """The modules to import after captum, for what is read through its module."""
        modules = [get_full_name_for_node(alias.name) or "" for alias in node.names]
        if not any(module in ("captum", CAPTUM) for module in modules):
            return []
        own = ["camkit_core"] if self.uses.replaced and not self.uses.by_name else []
        return [CAPTUM_HOME, *own] if self.uses.through_module else own

    def _own_import(self, node: cst.ImportFrom) -> list[cst.BaseSmallStatement]:
        """`import camkit_core`, where calls of it follow."""
        module = "" if node.module is None else get_full_name_for_node(node.module)
        aliases = [] if isinstance(node.names, cst.ImportStar) else node.names
        named = {get_full_name_for_node(alias.name) for alias in aliases}
        if self.uses.replaced and module == CAPTUM and "LayerGradCam" in named:
            return [cst.Import([cst.ImportAlias(dotted("camkit_core"))])]
        return []

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        """A call in camkit's own form; a module that is imported by a string."""
        if text := self.uses.replaced.get(original_node):
            return cst.parse_expression(text)
        function = (get_full_name_for_node(original_node.func) or "").rpartition(".")[2]
        if function not in _IMPORTERS or not updated_node.args:
            return updated_node
        first = updated_node.args[0]
        if (there := _path_in(first.value)) and isinstance(first.value, cst.SimpleString):
            quote = first.value.quote
            renamed = first.with_changes(value=cst.SimpleString(f"{quote}{there}{quote}"))
            return updated_node.with_changes(args=[renamed, *updated_node.args[1:]])
        return updated_node

    def leave_SimpleString(
        self, original_node: cst.SimpleString, updated_node: cst.SimpleString
    ) -> cst.BaseExpression:
        """A string that names one of the libraries."""
        text = original_node.evaluated_value
        if isinstance(text, str) and _is_path(text) and not self._imports(original_node):
            why = f"the string {text!r} may be a name to import; it was not changed"
            self.request.left.append((self.line(original_node), why))
        return updated_node

    def visit_Call(self, node: cst.Call) -> None:
        """Strings that are given to what imports them."""
        function = (get_full_name_for_node(node.func) or "").rpartition(".")[2]
        if function in _IMPORTERS and node.args and _path_in(node.args[0].value):
            self._lines[node.args[0].value] = 0

    def _imports(self, node: cst.CSTNode) -> bool:
        return node in self._lines

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        """A name of captum behind its module."""
        name = self.captum_name(original_node)
        if not name:
            return updated_node
        if name in names(CAPTUM_HOME):
            return dotted(f"{CAPTUM_HOME}.{name}")
        self.request.left.append((self.line(original_node), missing(CAPTUM, name)))
        return updated_node


def _is_path(text: str) -> bool:
    parts = text.split(".")
    return parts[0] in ROOTS and all(part.isidentifier() for part in parts)


def _path_in(node: cst.BaseExpression) -> str | None:
    """Camkit's path in place of the one that a string holds."""
    text = node.evaluated_value if isinstance(node, cst.SimpleString) else None
    return path_home(text) if isinstance(text, str) and _is_path(text) else None
