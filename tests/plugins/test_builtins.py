"""camkit's own plugins: found as anything else, and without metadata."""

from __future__ import annotations

import importlib
import importlib.util
import runpy
from importlib import metadata

import pytest
import tomllib

from camkit_core.plugins import Registry
from camkit_core.plugins.builtins import DECLARED
from helpers.checkout import ROOT
from helpers.fake_packages import Install


def test_built_ins_are_found_as_anything_else(install: Install) -> None:
    registry = Registry()
    row = registry.find("method", "gradcam")
    assert (row.distribution, row.version) == ("camkit", "0.1.0")
    assert row.load() is importlib.import_module("camkit_methods.gradcam").gradcam
    assert row.summary.startswith("Weight each channel by the mean of its gradient")
    assert registry.problems() == ()


def test_without_metadata_camkits_own_are_there(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "distributions", lambda **_: iter(()))
    registry = Registry()
    assert registry.find("method", "gradcam").load().__name__ == "gradcam"
    assert registry.find("renderer", "overlay").origin == "camkit"
    assert registry.problems() == ()


def test_what_is_there_without_metadata_is_what_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"] == DECLARED


def test_the_table_of_built_ins_is_the_one_that_its_command_writes() -> None:
    command = runpy.run_path(str(ROOT / ".ci" / "declare_builtins.py"))
    written = command["BUILTINS"].read_text(encoding="utf-8")
    assert written == command["module"](), "run: python .ci/declare_builtins.py"
