"""The shape of the code: imports point one way, names are found, nothing is left out."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import camkit_core
from helpers.checkout import ROOT

PLUGINS = sorted([*ROOT.glob("camkit_methods/*.py"), *ROOT.glob("camkit_archs/*.py")])
CORE = sorted(ROOT.glob("camkit_core/**/*.py"))


def imported(path: Path) -> list[tuple[str, str]]:
    """(module, name) of each absolute import in a file."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found += [(node.module or "", alias.name) for alias in node.names]
    return found


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.name)
def test_core_knows_no_plugin(path):
    tops = {module.split(".")[0] for module, _ in imported(path)}
    assert not tops & {"camkit_methods", "camkit_archs"}


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_plugins_know_only_public_names_of_core(path):
    ours = [(m, name) for m, name in imported(path) if m.startswith("camkit")]
    assert {module for module, _ in ours} <= {"camkit_core"}
    assert {name for _, name in ours} <= set(camkit_core.__all__)


def test_every_public_name_is_there():
    for name in camkit_core.__all__:
        assert getattr(camkit_core, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        camkit_core.nonsense  # noqa: B018


def test_type_checkers_find_the_public_names_where_they_are():
    tree = ast.parse(Path(camkit_core.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    assert {
        alias.asname: node.module for node in imports for alias in node.names
    } == camkit_core._HOMES


def test_importing_camkit_imports_nothing_heavy():
    program = (
        "import sys, camkit_core, camkit_core.cli;"
        "print(sorted({'torch', 'numpy', 'PIL', 'cv2', 'timm'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize(
    "path", [*CORE, *PLUGINS], ids=lambda path: f"{path.parent.name}-{path.name}"
)
def test_every_file_says_what_it_is_and_stays_short(path):
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= 260


def test_public_functions_have_docstrings():
    missing = []
    for path in [*CORE, *PLUGINS]:
        for node in ast.walk(ast.parse(path.read_text())):
            public = isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name[0] != "_"
            if public and node.col_offset == 0 and not ast.get_docstring(node):
                missing.append(f"{path.name}:{node.name}")
    assert missing == []
