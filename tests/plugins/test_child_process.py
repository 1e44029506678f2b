"""Plugins are imported in a process that harms no other, and runs nothing of this folder."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from subprocess import Popen

import pytest

from camkit_core import PluginError
from camkit_core.cli import main
from camkit_core.plugins import Registry
from camkit_core.plugins.child_process import run_alone
from camkit_core.plugins.contribution import Contribution
from camkit_core.plugins.import_check import check_imports, fatal_hooks
from camkit_core.plugins.policy import Policy
from camkit_core.testing import method_checks
from helpers.fake_packages import GOOD, GOOD_CODE, HOOK, Install

HOSTILE = "json camkit_core torch numpy pluggy sitecustomize usercustomize linecache os encodings"
SECONDS = 5.0


@pytest.fixture
def hostile_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with modules that write a file when they are imported."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    for name in HOSTILE.split():
        (folder / f"{name}.py").write_text(f"open({str(folder / 'HIT')!r}, 'a').write({name!r})\n")
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("notebook", [False, True])
def test_checking_plugins_runs_nothing_of_the_working_directory(
    fresh: Install, hostile_folder: Path, monkeypatch: pytest.MonkeyPatch, notebook: bool
) -> None:
    fresh("camkit-good", GOOD, camkit_good="import json, numpy, linecache\n" + GOOD_CODE)
    fresh("camkit-hook", "[camkit]\nmine = camkit_hook\n", camkit_hook=HOOK)
    if notebook:
        monkeypatch.setattr(sys, "path", ["", *sys.path])
    assert main(["plugins", "--check"]) == 1  # the code that the hook names is not there
    [light] = [check for check in method_checks("mycam") if check.name == "light"]
    light()
    assert not (hostile_folder / "HIT").exists()


def test_nothing_is_found_in_the_metadata_of_the_working_directory(
    fresh: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "evil-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: evil\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[camkit]\nevil = evil\n")
    (tmp_path / "evil.py").write_text("raise AssertionError('imported')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    assert Registry().problems() == ()


def results(install: Install, source: str, count: int = 1) -> list[str]:
    install("camkit-bad", GOOD, camkit_bad=source)
    rows = [
        Contribution("method", f"m{n}", "camkit-bad", "1.0", f"camkit_bad:f{n}")
        for n in range(count)
    ]
    return [each.result for each in check_imports(rows, SECONDS)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("print('\\ncamkit-import \"ok\"'); import os; os._exit(0)", "process with exit code 0"),
        ("import os; os.write(1, b'\\xff' * 10**6); os.write(2, b'\\xfe')\nf0 = print", "ok"),
        ("import os; os.closerange(0, 100)\nf0 = print", "ok"),
        ("import os; os.chdir('/')\nf0 = print", "ok"),
        ("import os; os.kill(os.getpid(), 40)", "crashed (signal 40)"),
        ("import os; os.kill(os.getpid(), 9)", "crashed (SIGKILL)"),
        ("import os; os.fork()\nf0 = print", "ok"),
        ("import threading as t; t.Thread(target=t.Event().wait).start()\nf0 = print", "ok"),
        ("import atexit, time; atexit.register(time.sleep, 99)\nf0 = print", "ok"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise GeneratorExit", "failed with GeneratorExit"),
        ("class Odd(BaseException): ...\nraise Odd('!')", "failed with Odd: !"),
        (
            "class Mute(Exception):\n  def __str__(self): raise ValueError\nraise Mute",
            "failed with Mute: (its text cannot be made: ValueError)",
        ),
        (
            "class Meta(type):\n  __name__ = property(lambda cls: 1 / 0)\n"
            "class Odd(metaclass=Meta): ...\nf0 = Odd()",
            "is no callable but a Odd",
        ),
    ],
)
def test_whatever_an_import_does_its_result_is_told(
    install: Install, source: str, expected: str
) -> None:
    [result] = results(install, source)
    assert expected in result


def test_a_module_that_ends_the_process_is_tried_once(install: Install, tmp_path: Path) -> None:
    tried = tmp_path / "tried"
    source = f"open({str(tried)!r}, 'a').write('x')\nimport os; os._exit(3)"
    assert results(install, source, count=4) == ["ended the process with exit code 3"] * 4
    assert tried.read_text() == "x"


def test_what_an_import_has_started_ends_with_it(install: Install, tmp_path: Path) -> None:
    number = tmp_path / "number"
    source = f"""
import subprocess, sys
started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open({str(number)!r}, "w").write(str(started.pid))
f0 = print
"""
    assert results(install, source) == ["ok"]
    deadline = time.monotonic() + 5
    while _runs(int(number.read_text())):
        assert time.monotonic() < deadline, "it still runs"
        time.sleep(0.02)


def _runs(number: int) -> bool:
    status = Path(f"/proc/{number}/stat")
    if status.parent.parent.joinpath("self").exists():
        return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def test_an_interrupt_ends_the_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    started = tmp_path / "started"
    program = f"open({str(started)!r}, 'w').write(str(os.getpid()))\nwhile True: pass"

    monkeypatch.setattr("subprocess.Popen.wait", _interrupted_once(started))
    with pytest.raises(KeyboardInterrupt):
        run_alone(program, None, 60)
    assert not _runs(int(started.read_text()))


def _interrupted_once(file: Path) -> object:
    """`Popen.wait` that is interrupted as soon as the file is there, if it has a time limit."""
    wait = Popen.wait

    def waiting(process: Popen[bytes], timeout: float | None = None) -> int:
        if timeout is None:
            return wait(process)
        while not (file.exists() and file.read_text()):
            time.sleep(0.01)
        raise KeyboardInterrupt

    return waiting


def test_where_no_process_can_be_started_an_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/nowhere/python")
        with pytest.raises(PluginError, match=r"^cannot start a process: .*/nowhere/python"):
            run_alone("", None, SECONDS)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with pytest.raises(PluginError, match="a frozen application has no Python"):
        run_alone("", None, SECONDS)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import os; os._exit(7)", "failed: ended the process with exit code 7"),
        ("import time; time.sleep(600)", "failed: did not finish within 1 s"),
    ],
)
def test_a_hook_plugin_that_ends_or_hangs_is_found_without_importing_it_here(
    fresh: Install,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    expected: str,
) -> None:
    monkeypatch.setattr("camkit_core.plugins.discovery.DECLARED", {})  # all else is imported, too
    fresh("camkit-bad", "[camkit]\nmine = camkit_bad\n", camkit_bad=source)
    fresh("camkit-hook", "[camkit]\nmine = camkit_hook\n", camkit_hook="raise GeneratorExit")
    [found] = fatal_hooks(Policy(), 1)
    assert (found.source.distribution, found.name) == ("camkit-bad", "mine")
    assert main(["plugins", "--check", "--seconds", "1"]) == 1
    out, err = capsys.readouterr()
    [line] = [line for line in out.splitlines() if "camkit-bad" in line]
    assert line.split(None, 2) == [
        "camkit-bad",
        "1.0",
        f"hooks mine{line[line.index('mine') + 4 :]}",
    ]
    assert line.endswith(expected)
    assert "plugin camkit-hook 1.0 (camkit:mine) is left out: GeneratorExit" in err


def test_a_hook_plugin_can_be_switched_off_by_its_name(fresh: Install) -> None:
    fresh("camkit-bad", "[camkit]\nmine = camkit_bad\n", camkit_bad="raise AssertionError")
    registry = Registry(disable=["camkit-bad:mine"])
    assert registry.problems() == ()
    assert [(source.distribution, name) for source, name, _ in registry.blocked()] == [
        ("camkit-bad", "mine")
    ]
