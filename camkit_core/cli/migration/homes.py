"""Where camkit has what other libraries call by their names, without importing any of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

COMPAT = "camkit_methods.compat"
ROOTS = ("pytorch_grad_cam", "torchcam")  # whose whole trees camkit has
RENAMED = {"torchcam.cams": "torchcam.methods"}  # older names of modules
CAPTUM = "captum.attr"  # of which camkit has a few names
CAPTUM_HOME = f"{COMPAT}.captum"

# What camkit's own names do exactly alike; the others differ in what they return.
NATIVE = {
    "pytorch_grad_cam.utils.model_targets.ClassifierOutputTarget": "camkit_core",
    "pytorch_grad_cam.utils.image.show_cam_on_image": "camkit_core.image",
    "pytorch_grad_cam.utils.image.deprocess_image": "camkit_core.image",
}


def concerned(module: str) -> bool:
    """Whether a module is, or may be, of a library that is left."""
    return module.split(".")[0] in (*ROOTS, "captum")


def concerned_text(text: str) -> bool:
    """Whether a text names one of the libraries."""
    return any(name in text for name in (*ROOTS, "captum"))


def home(module: str) -> str | None:
    """Camkit's module in place of another library's; None if there is none."""
    module = RENAMED.get(module, module)
    if module == CAPTUM:
        there = CAPTUM_HOME
    elif module.split(".")[0] in ROOTS:
        there = f"{COMPAT}.{module}"
    else:
        return None
    return there if _file(there) else None


@cache
def names(module: str) -> frozenset[str]:
    """The names that can be imported from one of camkit's modules."""
    file = _file(module)
    if file is None:
        return frozenset()
    found = set(_bound(ast.parse(file.read_text(encoding="utf-8")).body))
    if file.name == "__init__.py":
        inside = [*file.parent.glob("*.py"), *file.parent.glob("*/__init__.py")]
        found |= {path.parent.name if path.name == "__init__.py" else path.stem for path in inside}
    return frozenset(found)


def _bound(body: Sequence[ast.stmt]) -> Iterator[str]:
    """The names that statements bind in their module."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name).split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.If | ast.Try):
            yield from _bound([*node.body, *node.orelse])
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found = [target.id for target in targets if isinstance(target, ast.Name)]
            yield from found
            yield from _listed(found, node.value)


def _listed(assigned: Sequence[str], value: ast.expr) -> Iterator[str]:
    """Names that a module hands out when they are first read: in __all__, or keys of a table."""
    rows = value.keys if isinstance(value, ast.Dict) else [value] if "__all__" in assigned else []
    for row in rows:
        for node in ast.walk(row) if row is not None else ():
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


@cache
def _file(module: str) -> Path | None:
    """The source of one of camkit's modules."""
    top, *parts = module.split(".")
    spec = find_spec(top)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent.joinpath(*parts)
    files = [path / "__init__.py", path.with_suffix(".py")]
    return next((file for file in files if file.is_file()), None)


def path_home(path: str) -> str | None:
    """Camkit's dotted path in place of another library's, to a module or to a name in one."""
    if there := home(path):
        return there
    module, _, name = path.rpartition(".")
    there = home(module)
    return f"{there}.{name}" if there and name in names(there) else None


def missing(module: str, name: str = "") -> str:
    """Why a module, or a name of it, stays."""
    there = home(module)
    if there is None:
        return f"camkit has no {module}{_meant(module)}"
    if module == CAPTUM:
        return f"camkit does not replace captum's {name}"
    return f"camkit's {there} has no {name}"


def _meant(module: str) -> str:
    """The module that differs in its letters' case only."""
    parent, _, last = module.rpartition(".")
    there = home(parent)
    same = [name for name in names(there) if name.lower() == last.lower()] if there else []
    return f"; did you mean {parent}.{same[0]}?" if same else ""
