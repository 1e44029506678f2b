"""`camkit studio`, as far as it does not serve."""

from __future__ import annotations

import subprocess
import sys

import pytest

from camkit_core.cli import main


@pytest.mark.parametrize("port", ["x", "65536", "-1", "1.5", ""])
def test_a_port_is_a_number(port, capsys):
    assert main(["studio", f"--port={port}"]) == 2
    assert "expected a port from 0 to 65535" in capsys.readouterr().err


def test_photos_that_are_not_there_are_told_before_a_model_is_loaded(tmp_path, capsys):
    assert main(["studio", str(tmp_path / "nope.jpg"), "--model", "no_such_model"]) != 0
    assert "no such file" in capsys.readouterr().err


def test_a_model_that_nobody_knows_is_told(capsys):
    assert main(["studio", "--model", "resnet5000"]) == 2
    assert "resnet5000" in capsys.readouterr().err


def test_what_is_missing_is_named_with_its_extra(monkeypatch, capsys):
    monkeypatch.setattr("camkit_core.cli.studio.find_spec", lambda name: None)
    assert main(["studio"]) == 2
    assert "pip install starlette uvicorn" in capsys.readouterr().err


def test_the_help_imports_nothing_of_it():
    program = (
        "import sys, camkit_core; from camkit_core.cli import main; main(['--help']);"
        "print(sorted({'torch', 'starlette', 'uvicorn', 'anywidget'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
