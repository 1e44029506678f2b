"""The project that `camkit new-plugin` writes, and the example of a plugin package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from camkit_core.cli import main
from camkit_core.cli.new_plugin.project import new_plugin
from camkit_core.errors import FileError
from camkit_core.plugins.contribution import KINDS
from helpers.checkout import ROOT
from helpers.wheels import installed_wheels

EXAMPLES = [ROOT / "docs" / "examples" / name for name in ("camkit-more-cams", "camkit-captum")]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A project of each kind and the example packages, installed; and what their tests print."""
    folder = tmp_path_factory.mktemp("projects")
    projects = {kind: new_plugin(f"my-first_{kind}", kind, folder) for kind in KINDS}
    site = installed_wheels([*projects.values(), *EXAMPLES], folder)
    environment = os.environ | {"PYTHONPATH": str(site)}
    options = ["-rA", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", "--rootdir=/"]
    tests = [str(project / "tests") for project in (*projects.values(), *EXAMPLES)]
    run = [sys.executable, "-m", "pytest", *options, *tests]
    listing = [sys.executable, "-m", "camkit_core", "plugins"]
    tested, listed = (
        subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)
        for command in (run, listing)
    )
    return {"projects": projects, "tested": tested, "listed": listed}


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_passes_its_own_conformance_test(kind: str, installed: Any) -> None:
    assert conforms(installed["projects"][kind], installed["tested"].stdout)
    listed = [line.split()[:3] for line in installed["listed"].stdout.splitlines()]
    assert [f"camkit-my-first-{kind}", "0.1.0", kind] in listed
    assert installed["listed"].stderr == ""
    assert "warnings summary" not in installed["tested"].stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=[example.name for example in EXAMPLES])
def test_the_example_of_a_plugin_package_conforms(example: Path, installed: Any) -> None:
    assert conforms(example, installed["tested"].stdout)
    assert installed["tested"].returncode == 0


def conforms(project: Path, printed: str) -> bool:
    """Whether the project's tests ran and passed."""
    outcomes = [line.split()[0] for line in printed.splitlines() if f"{project.name}/tests" in line]
    return "PASSED" in outcomes and not {"FAILED", "ERROR"} & {*outcomes}


def test_a_new_method_is_a_few_lines(tmp_path: Path) -> None:
    project = new_plugin("mycam", folder=tmp_path)
    lines = (project / "camkit_mycam.py").read_text().splitlines()
    assert sum(bool(line.strip()) for line in lines) <= 15
    assert sorted(str(p.relative_to(project)) for p in project.rglob("*") if p.is_file()) == [
        ".github/workflows/test.yml",
        "LICENSE",
        "README.md",
        "camkit_mycam.py",
        "pyproject.toml",
        "tests/test_conformance.py",
    ]


def test_the_next_step_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-plugin", "mycam", "--dir", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert out == f"{tmp_path / 'camkit-mycam'}\n"
    assert err == f'camkit: next: cd {out.strip()} && pip install -e ".[test]" && pytest\n'


def test_a_name_that_another_package_has_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new-plugin", "gradcam", "--dir", str(tmp_path)]) == 0
    note = capsys.readouterr().err.splitlines()[0]
    assert note.startswith("camkit: note: gradcam stays the method of camkit ")
    assert note.endswith("; yours is camkit-gradcam:gradcam")


def test_nothing_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-plugin", "camkit-mycam", "--dir", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'camkit-mycam'}\n"
    (tmp_path / "camkit-mycam" / "camkit_mycam.py").write_text("mine")
    assert main(["new-plugin", "mycam", "--dir", str(tmp_path)]) == 2
    assert "is there already; nothing was written" in capsys.readouterr().err
    assert (tmp_path / "camkit-mycam" / "camkit_mycam.py").read_text() == "mine"


@pytest.mark.parametrize(
    "name",
    ["MyCam", "1cam", "a b", "../x", "cam-", "", "a/b", "käm", "a\n", "a" * 300, "camkit-", "a\0"],
)
def test_a_name_that_is_no_packages_is_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new-plugin", name, "--dir", str(tmp_path)]) == 2
    assert "lower-case letters and digits" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["import", "torch", "zip", "core", "camkit-archs", "print"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_name_that_is_taken_is_refused_with_another(
    name: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["new-plugin", name, "--kind", kind, "--dir", str(tmp_path)]
    assert main(command) == 2
    advised = capsys.readouterr().err.rpartition("such as ")[2].strip().strip("'")
    assert list(tmp_path.iterdir()) == []
    command[1] = advised
    assert main(command) == 0


@pytest.mark.parametrize(
    "folder", ["", "a file", "a file/in it", "a\0b", "a" * 300, "~nobody-of/x"]
)
def test_a_folder_that_cannot_be_written_is_one_line(
    folder: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a file").touch()
    assert main(["new-plugin", "mycam", "--dir", folder]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("camkit: error: cannot write camkit-mycam to ")
    assert printed.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a file"]


def test_a_project_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_text

    def full(path: Path, *args: object, **keywords: object) -> int:
        if path.name == "pyproject.toml":
            raise OSError(28, "No space left on device")
        return write(path, *args, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(FileError, match="No space left on device"):
        new_plugin("mycam", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_link_to_nowhere_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "camkit-mycam").symlink_to("nowhere")
    with pytest.raises(FileError, match="is there already"):
        new_plugin("mycam", folder=tmp_path)
