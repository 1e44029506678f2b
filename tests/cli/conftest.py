"""Fixtures of the command's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.command_calls import picture


@pytest.fixture
def dog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A picture in the working directory, which is a temporary one."""
    monkeypatch.chdir(tmp_path)
    return picture(tmp_path / "dog.png")


@pytest.fixture(autouse=True)
def _no_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """A width in the environment, which libraries set while they are imported, is none of ours."""
    monkeypatch.delenv("COLUMNS", raising=False)
