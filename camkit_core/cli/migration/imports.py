"""Import statements, rewritten."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import libcst as cst
from libcst.helpers import get_full_name_for_node

from .homes import CAPTUM, COMPAT, NATIVE, ROOTS, concerned, home, missing, names


@dataclass
class Request:
    """What is wanted of a rewrite, and what it said.

    Attributes:
        native: camkit's own names where they do exactly alike.
        unused: names of captum whose every use is gone.
        left: (line, why) of what stays as it is.
    """

    native: bool = False
    unused: frozenset[str] = frozenset()
    left: list[tuple[int, str]] = field(default_factory=list)


def dotted(name: str) -> cst.Attribute | cst.Name:
    """A dotted name as an expression."""
    expression = cst.parse_expression(name)
    assert isinstance(expression, cst.Attribute | cst.Name)
    return expression


def rewritten_import(
    node: cst.Import, line: int, request: Request, following: Sequence[str] = ()
) -> list[cst.BaseSmallStatement]:
    """`import a, b as c`; `following` are modules to import after it."""
    aliases: list[cst.ImportAlias] = []
    for alias in node.names:
        aliases += _aliases(alias, line, request)
    aliases += [cst.ImportAlias(dotted(module)) for module in following]
    unchanged = len(aliases) == len(node.names) and all(
        a is b for a, b in zip(aliases, node.names, strict=True)
    )
    return [node if unchanged else node.with_changes(names=_in_row(aliases))]


def _aliases(alias: cst.ImportAlias, line: int, request: Request) -> list[cst.ImportAlias]:
    module = get_full_name_for_node(alias.name) or ""
    root = module.split(".")[0]
    if root not in ROOTS:
        return [alias]
    there = home(module)
    if there is None:
        request.left.append((line, missing(module)))
        return [alias]
    renamed = cst.ImportAlias(dotted(there), alias.asname)
    if alias.asname:
        return [renamed]
    bound = cst.ImportAlias(dotted(f"{COMPAT}.{root}"), cst.AsName(cst.Name(root)))
    return [bound] if module == root else [renamed, bound]


def rewritten_from(
    node: cst.ImportFrom, line: int, request: Request
) -> list[cst.BaseSmallStatement]:
    """`from a import b`, as one statement for each module that the names now come from."""
    module = "" if node.relative or node.module is None else get_full_name_for_node(node.module)
    if not module or not concerned(module):
        return [node]
    if isinstance(node.names, cst.ImportStar):
        return [_starred(node, module, line, request)]
    rows: dict[str, list[cst.ImportAlias]] = defaultdict(list)
    for alias in node.names:
        name = get_full_name_for_node(alias.name) or ""
        if module == CAPTUM and name in request.unused:
            continue
        rows[_source(module, name, line, request)].append(alias)
    if not rows:
        return []
    if list(rows) == [module] and len(rows[module]) == len(node.names):
        return [node]
    if len(rows) == 1 and len(next(iter(rows.values()))) == len(node.names):
        return [node.with_changes(module=dotted(next(iter(rows))))]
    most = max(rows, key=lambda source: len(rows[source]))
    return [_only(node, source, rows[source], source == most) for source in rows]


def _source(module: str, name: str, line: int, request: Request) -> str:
    """The module that a name comes from now."""
    there = home(module)
    if there is None or name not in names(there):
        if there or module.split(".")[0] in ROOTS or module.startswith(f"{CAPTUM}."):
            request.left.append((line, missing(module, name)))
        return module
    if not request.native:
        return there
    if own := NATIVE.get(f"{module}.{name}"):
        return own
    request.left.append((line, f"{name} is in its compat form: {_not_exact(module)}"))
    return there


def _not_exact(module: str) -> str:
    if module == CAPTUM:
        return "only Class(model, layer).attribute(x, target=a number), in one line, is exact"
    library = "torch-cam" if module.startswith("torchcam") else "pytorch-grad-cam"
    return f"what {library} returns differs from camkit's own"


def _starred(node: cst.ImportFrom, module: str, line: int, request: Request) -> cst.ImportFrom:
    there = home(module)
    if there is None or module == CAPTUM:
        why = "name what is imported: * hides it" if there else missing(module)
        request.left.append((line, why))
        return node
    return node.with_changes(module=dotted(there))


def _only(
    node: cst.ImportFrom, source: str, aliases: Sequence[cst.ImportAlias], layout: bool
) -> cst.ImportFrom:
    """The statement with some of its names; in its own layout, or on one line."""
    if layout and node.lpar:
        return node.with_changes(module=dotted(source), names=aliases)
    return cst.ImportFrom(module=dotted(source), names=_in_row(aliases))


def _in_row(aliases: Sequence[cst.ImportAlias]) -> list[cst.ImportAlias]:
    """The aliases with plain commas between them."""
    comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    last = len(aliases) - 1
    return [
        alias.with_changes(comma=comma if index < last else cst.MaybeSentinel.DEFAULT)
        for index, alias in enumerate(aliases)
    ]


def flattened(
    body: Sequence[cst.BaseSmallStatement],
    rewrite: Callable[[cst.BaseSmallStatement], list[cst.BaseSmallStatement]],
) -> list[cst.BaseSmallStatement] | None:
    """The statements that these became; None if they are the same."""
    found = [statement for each in body for statement in rewrite(each)]
    same = len(found) == len(body) and all(a is b for a, b in zip(found, body, strict=True))
    return None if same else found


def lines_of(
    line: cst.SimpleStatementLine, body: Sequence[cst.BaseSmallStatement]
) -> cst.SimpleStatementLine | cst.FlattenSentinel[cst.SimpleStatementLine]:
    """One statement that became several becomes as many lines; else they stay on their line."""
    if len(line.body) > 1 or len(body) == 1:
        return line.with_changes(body=body)
    first = line.with_changes(body=body[:1])
    return cst.FlattenSentinel([first, *(cst.SimpleStatementLine([each]) for each in body[1:])])
