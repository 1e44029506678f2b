"""Each message on its page is the one that the code gives, and what the page advises works."""

from __future__ import annotations

import re
import shlex
import warnings

import numpy as np
import pytest
from PIL import Image

from camkit_core.cli import main
from helpers.checkout import ROOT

PAGE = (ROOT / "docs" / "messages.md").read_text()


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)


def steps(block: str, prompt: str) -> list[tuple[str, str]]:
    """Each line after the prompt, and what is said to come of it."""
    mark = re.escape(prompt)
    return re.findall(rf"^{mark} (.*)\n((?:(?!{mark} ).*\n)*)", block, re.M)


def matches(said: str, given: str) -> bool:
    """Whether a message is as the page says, where `...` stands for any text."""
    pattern = ".*".join(re.escape(part) for part in said.strip().split("..."))
    return re.fullmatch(pattern, given.strip(), re.S) is not None


def given(line: str, names: dict[str, object], printed: pytest.CaptureFixture[str]) -> str:
    """What a line gives: its error, else what it prints, else its first warning."""
    printed.readouterr()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            exec(line, names)
        except Exception as error:  # noqa: BLE001 - a model raises anything
            return f"{type(error).__name__}: {error}"
    told = [f"{w.category.__name__}: {w.message}" for w in caught if "Camkit" in str(w.category)]
    return printed.readouterr().out or (told[0] if told else "")


@pytest.fixture(scope="module")
def defined() -> dict[str, object]:
    """What the page defines first."""
    names: dict[str, object] = {}
    exec(blocks("python")[0], names)
    return names


@pytest.mark.parametrize("block", blocks("pycon"), ids=lambda block: block.split("\n")[0][4:60])
def test_a_line_gives_what_the_page_says(block, defined, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = dict(defined)
    for line, said in steps(block, ">>>"):
        message = given(line, names, capsys)
        assert matches(said or "CamkitWarning...", message or "CamkitWarning"), message


COMMANDS = [step for block in blocks("console") for step in steps(block, "$")]


@pytest.mark.parametrize(("line", "said"), COMMANDS)
def test_a_command_says_what_the_page_says(line, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save("photo.jpg")
    assert main(shlex.split(line)[1:]) in (1, 2)
    assert matches(said, capsys.readouterr().err)
