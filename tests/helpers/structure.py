"""What a source tree must look like, where the contract of imports cannot say it.

Each function takes a folder and returns a list of what is wrong in it.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

LOOSE = {"adapter", "arguments", "comparison", "compat", "engine", "errors", "maps", "pytree"}
DOORS = {"__init__", "__main__"}


def misplaced(core: Path) -> list[str]:
    """Files that lie loose beside the eight, and those of the eight that are missing."""
    loose = {path.stem for path in core.glob("*.py")}
    return sorted(loose ^ (LOOSE | DOORS))


def rooms(core: Path) -> list[str]:
    """The folders of the core."""
    return sorted({path.parent.name for path in core.glob("*/*.py")})


def overfull(root: Path, most: int) -> list[str]:
    """Folders with more files than `most`, at any depth."""
    sizes = Counter(path.parent for path in files(root))
    return sorted(str(folder.relative_to(root)) for folder in sizes if sizes[folder] > most)


def too_long(root: Path, most: int) -> list[str]:
    """Python files with more lines than `most`."""
    return [name for name, text in sources(root) if len(text.splitlines()) > most]


def without_docstring(root: Path) -> list[str]:
    """Python files that do not say what they are."""
    return [name for name, text in sources(root) if not ast.get_docstring(ast.parse(text))]


def undocumented(root: Path) -> list[str]:
    """Public functions and classes without a docstring."""
    return [
        f"{name}:{node.name}"
        for name, text in sources(root)
        for node in ast.parse(text).body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        if not node.name.startswith("_") and not ast.get_docstring(node)
    ]


def private_imports(
    root: Path, public: set[str], doors: dict[str, set[str]] | None = None
) -> list[str]:
    """What plugins import of camkit beside the core's public names, and those of its doors."""
    doors = {"camkit_core": public, **(doors or {})}
    return [
        f"{name}:{module}.{imported}"
        for name, text in sources(root)
        for module, imported in absolute_imports(text)
        if module.startswith("camkit") and imported not in doors.get(module, ())
    ]


def absolute_imports(text: str) -> Iterator[tuple[str, str]]:
    """(module, name) of each absolute import in a source text."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from ((node.module or "", alias.name) for alias in node.names)


def sources(root: Path) -> list[tuple[str, str]]:
    """(path below the root, text) of each Python file."""
    return [
        (str(path.relative_to(root)), path.read_text(encoding="utf-8"))
        for path in sorted(root.rglob("*.py"))
    ]


def files(root: Path) -> list[Path]:
    """All files, without what Python compiled."""
    return [path for path in root.rglob("*") if path.is_file() and path.suffix != ".pyc"]
