"""The contract of imports holds here, and fails on a tree with a wrong import."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.checkout import ROOT

PROGRAM = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
ROOMS = "Rooms of camkit_core"
CIRCLES = "No circles"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the packages and of the contract."""
    for package in ("camkit_core", "camkit_methods", "camkit_archs"):
        for source in (ROOT / package).rglob("*.py"):
            copy = tmp_path / source.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    return tmp_path


def broken(tree: Path) -> tuple[list[str], str]:
    """The contracts that a tree breaks, and all that the linter prints."""
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, encoding="utf-8")
    lines = done.stdout.splitlines()
    names = [line.removesuffix(" BROKEN") for line in lines if line.endswith(" BROKEN")]
    assert done.returncode == bool(names), done.stdout + done.stderr
    return names, done.stdout


def append(path: Path, line: str) -> None:
    """Add a line to a file, which is made if it is missing."""
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")


def test_the_contract_is_kept(tree: Path) -> None:
    assert broken(tree)[0] == []


@pytest.mark.parametrize(
    ("file", "line", "contract", "reason"),
    [
        ("camkit_core/maps.py", "import camkit_core.engine", ROOMS, "camkit_core.maps -> "),
        ("camkit_core/maps.py", "def late(): from .cli import main", ROOMS, "camkit_core.maps -> "),
        (
            "camkit_core/forward/tape.py",
            "from .recording import Recording",
            CIRCLES,
            "camkit_core.forward",
        ),
        ("camkit_core/loose.py", "", ROOMS, "camkit_core.loose"),
        (
            "camkit_core/renderers/colour.py",
            "import camkit_methods.gradcam",
            "The core knows no plugin",
            "camkit_core.renderers.colour -> camkit_methods.gradcam",
        ),
        (
            "camkit_archs/resnet.py",
            "import camkit_methods.gradcam",
            "Methods and adapters do not know each other",
            "camkit_archs.resnet -> camkit_methods.gradcam",
        ),
    ],
    ids=["upwards", "upwards in a function", "circle", "loose file", "plugin", "methods"],
)
def test_a_wrong_import_breaks_its_contract(
    tree: Path, file: str, line: str, contract: str, reason: str
) -> None:
    append(tree / file, line)
    names, printed = broken(tree)
    assert any(name.startswith(contract) for name in names), printed
    assert reason in printed
