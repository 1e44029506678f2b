"""The shape of the code: where files lie, how long they are, what they say, what an import costs.

Which room may import which is a contract of import-linter: see test_contract.py.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import camkit_core
import camkit_core.image
from helpers import structure
from helpers.checkout import ROOT

CORE, METHODS, ARCHS = (ROOT / name for name in ("camkit_core", "camkit_methods", "camkit_archs"))
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
PACKAGES = pytest.mark.parametrize("package", [CORE, METHODS, ARCHS], ids=lambda path: path.name)
PLUGINS = pytest.mark.parametrize("package", [METHODS, ARCHS], ids=lambda path: path.name)


# Where files lie


def test_eight_files_lie_loose_beside_at_most_fourteen_rooms():
    assert structure.misplaced(CORE) == []
    assert len(structure.rooms(CORE)) <= 14


def test_no_folder_of_the_core_has_more_than_20_files():
    assert structure.overfull(CORE, 20) == []


@PACKAGES
def test_every_file_says_what_it_is_and_stays_short(package):
    assert structure.without_docstring(package) == []
    assert structure.too_long(package, 260) == []


def test_files_of_tests_stay_short_too():
    assert structure.too_long(ROOT / "tests", 300) == []


@PACKAGES
def test_public_functions_have_docstrings(package):
    assert structure.undocumented(package) == []


@PLUGINS
def test_plugins_know_only_public_names_of_core(package):
    doors = {"camkit_core.image": set(camkit_core.image.__all__)}
    assert structure.private_imports(package, set(camkit_core.__all__), doors) == []


def test_what_contributing_names_is_there():
    named = set(re.findall(r"`((?:camkit_\w+|tests)/[\w/]*(?:\.py)?)`", CONTRIBUTING))
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_the_tree_in_contributing_is_the_tree_of_the_core():
    """Each folder and each loose file of camkit_core/ has a line."""
    tree = CONTRIBUTING.split("```")[3]
    listed = re.findall(r"^ {2,}(\w+(?:\.py|/))", tree, re.MULTILINE)
    files = {path.name for path in CORE.glob("*.py") if not path.name.startswith("__")}
    folders = {f"{path.parent.name}/" for path in CORE.rglob("*.py") if path.parent != CORE}
    assert set(listed) == files | {name for name in folders if "template" not in name}


# The checks fail on trees that are wrong


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A core as small as possible that passes every check."""
    for name in structure.LOOSE | structure.DOORS:
        (tmp_path / f"{name}.py").write_text('"""A file."""\n')
    (tmp_path / "probe").mkdir()
    (tmp_path / "probe" / "__init__.py").write_text('"""A room."""\n')
    return tmp_path


def write(name: str, text: str) -> Callable[[Path], None]:
    """A change to a tree: a file with this text."""
    return lambda tree: (tree / name).write_text(text) and None


def fill(count: int) -> Callable[[Path], None]:
    """A change to a tree: a room with this many files."""

    def change(tree: Path) -> None:
        for number in range(1, count):  # its __init__.py is there
            (tree / "probe" / f"file{number}.py").write_text('"""A file."""\n')

    return change


CHECKS: dict[str, Callable[[Path], list[str]]] = {
    "misplaced": structure.misplaced,
    "overfull": lambda root: structure.overfull(root, 20),
    "too long": lambda root: structure.too_long(root, 3),
    "without docstring": structure.without_docstring,
    "undocumented": structure.undocumented,
    "private imports": lambda root: structure.private_imports(root, {"Probe"}),
}


@pytest.mark.parametrize(
    ("check", "change", "expected"),
    [
        ("misplaced", write("datasets.py", '"""New."""\n'), ["datasets"]),
        ("misplaced", lambda tree: (tree / "maps.py").unlink(), ["maps"]),
        ("overfull", fill(21), ["probe"]),
        ("overfull", fill(20), []),
        ("too long", write("maps.py", '"""Maps."""\n\n\n\n'), ["maps.py"]),
        ("without docstring", write("probe/shared.py", "import torch\n"), ["probe/shared.py"]),
        ("undocumented", write("maps.py", '"""Maps."""\ndef full(): ...\n'), ["maps.py:full"]),
        ("undocumented", write("maps.py", '"""Maps."""\ndef _full(): ...\n'), []),
        (
            "private imports",
            write("maps.py", '"""Maps."""\nfrom camkit_core import Probe, engine\n'),
            ["maps.py:camkit_core.engine"],
        ),
        (
            "private imports",
            write("maps.py", '"""Maps."""\nfrom camkit_core.probe import Probe\n'),
            ["maps.py:camkit_core.probe.Probe"],
        ),
    ],
)
def test_a_check_of_the_structure_finds_what_it_is_for(check, change, expected, tree):
    assert CHECKS[check](tree) == []
    change(tree)
    assert CHECKS[check](tree) == expected


def test_a_new_folder_is_a_new_room(tree):
    assert structure.rooms(tree) == ["probe"]
    (tree / "datasets").mkdir()
    (tree / "datasets" / "__init__.py").touch()
    assert structure.rooms(tree) == ["datasets", "probe"]


# Public names


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
