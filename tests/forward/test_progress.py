"""Bars of progress: where, and what turns them off."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

import pytest

from camkit_core.cli import main
from camkit_core.forward.chunks import bar, without_bars

Shown = Callable[..., str]


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """What a bar over three steps shows on a stream."""
    monkeypatch.delenv("TQDM_DISABLE", raising=False)

    def on(stream: io.StringIO, delay: float = 0) -> str:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", stream)
            assert list(bar(range(3), label="runs", delay=delay)) == [0, 1, 2]
        return stream.getvalue().strip()

    return on


def test_on_a_terminal_a_bar_is_shown_after_its_delay(shown: Shown) -> None:
    assert "runs:   0%" in shown(_Terminal())
    assert shown(_Terminal(), 2) == ""


def test_where_stderr_is_no_terminal_there_is_none(shown: Shown) -> None:
    assert shown(io.StringIO()) == ""


def test_the_environment_and_a_context_turn_it_off(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    with without_bars():
        assert shown(_Terminal()) == ""
    monkeypatch.setenv("TQDM_DISABLE", "1")
    assert shown(_Terminal()) == ""


def test_the_command_turns_it_off(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    listing = "camkit_core.cli.listing.lists._list"
    monkeypatch.setattr(listing, lambda *given: asked.append(bool(shown(_Terminal()))))
    assert main(["--no-progress", "list-methods"]) == 0
    assert main(["list-methods"]) == 0
    assert asked == [False, True]
