"""What reaches the terminal: no control characters, a line for each result, and no traceback."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from camkit_core.cli import main
from camkit_core.cli.common.answers import json_text, put, stdout_for_answers
from camkit_core.cli.common.messages import say, told, visible, warnings_in_one_line
from camkit_core.cli.common.unexpected import account
from helpers.checkout import ROOT
from helpers.command_calls import compare, explain, names, picture

Capture = pytest.CaptureFixture[str]
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
HOSTILE = "a\x1b[31m\u202e\x9b\n\x7fb"


class _Broken(io.StringIO):
    """A stream that cannot be written."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error

    def write(self, text: str) -> int:
        raise self.error


def test_control_characters_are_shown_as_escapes() -> None:
    assert visible(HOSTILE) == r"a\x1b[31m\u202e\x9b\n\x7fb"
    assert visible("ü 日本 👩‍🔬") == "ü 日本 👩‍🔬"
    assert visible("\udcff") == r"\udcff"


@pytest.mark.parametrize("command", [explain, compare])
def test_hostile_names_reach_neither_stdout_nor_stderr(
    command: object, dog: str, tmp_path: Path, capsys: Capture
) -> None:
    hostile = os.fsdecode(b"\xff") + HOSTILE
    picture(tmp_path / f"{hostile}.png")
    (tmp_path / f"{hostile}.jpg").write_bytes(b"no picture")
    given = [f"{hostile}.png", f"{hostile}.jpg", f"gone{hostile}"]
    quick = ["--metric", "area", "--method", "gradcam"] if command is compare else []
    quick += ["--class-names", names(tmp_path, HOSTILE.replace("\n", ""))]
    assert command(*given, *quick, "--target", "0") == 1  # type: ignore[operator]
    out, err = capsys.readouterr()
    assert not CONTROL.search(out + err)
    assert sum(line.startswith("camkit: error: ") for line in err.splitlines()) == 2
    if command is explain:
        assert len(out.splitlines()) == 1


def test_json_keeps_the_names_and_is_ascii(dog: str, tmp_path: Path, capsys: Capture) -> None:
    name = os.fsdecode(b"\xff") + HOSTILE + ".png"
    picture(tmp_path / name)
    assert explain(name, "--target", "7", "--json") == 0
    out = capsys.readouterr().out
    assert out.isascii()
    assert not CONTROL.search(out)
    assert json.loads(out)["explanations"][0]["image"] == name


def test_json_has_no_numbers_that_json_has_not() -> None:
    assert json.loads(json_text({"a": float("nan"), "b": {3}})) == {"a": None, "b": "{3}"}


def test_what_argparse_repeats_is_escaped(capsys: Capture) -> None:
    assert main(["explain", "a.png", "--model", "m", "--bo\x1bgus"]) == 2
    assert r"--bo\x1bgus" in capsys.readouterr().err


def test_a_very_long_message_keeps_its_beginning_and_end(capsys: Capture) -> None:
    say("a" * 5000 + "the end")
    err = capsys.readouterr().err
    assert len(err) < 2100
    assert err.endswith("the end\n")


def test_an_encoding_without_a_letter_gets_an_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    put("pügü")
    assert stream.buffer.getvalue() == rb"p\xfcg\xfc" + b"\n"  # type: ignore[attr-defined]


def test_what_a_model_prints_goes_to_stderr(capsys: Capture) -> None:
    with stdout_for_answers():
        print("from a\x1bmodel")  # noqa: T201 - as a model does
        put("an answer")
    assert capsys.readouterr() == ("an answer\n", "from a\\x1bmodel\n")


def test_a_warning_of_python_is_one_line() -> None:
    with warnings_in_one_line():
        text = warnings.formatwarning("two\nlines\x1b", UserWarning, "f.py", 3)
    assert text == "camkit: warning: UserWarning: two; lines\\x1b\n"


@pytest.mark.parametrize(("error", "said"), [(BrokenPipeError(), 0), (OSError(28, "full"), 1)])
def test_a_stdout_that_is_gone_or_full_ends_the_run_and_pictures_stay(
    error: OSError, said: int, dog: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", _Broken(error))
    assert explain(dog, "--target", "7") == 1
    assert Path("camkit-output/dog_gradcam_cock.png").exists()
    assert capsys.readouterr().err.count("camkit: error: ") == said


def test_a_full_stderr_does_not_stop_the_work(
    dog: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", _Broken(OSError(28, "full")))
    assert explain(dog, "--target", "7") == 0
    assert capsys.readouterr().out.count("\n") == 1


@pytest.mark.parametrize(
    ("redirected", "code", "words"),
    [
        (">&-", 1, ""),
        ("2>&-", 0, ""),
        (
            ">/dev/full",
            1,
            "camkit: error: the answers cannot be printed: No space left on device\n",
        ),
        (">/dev/full 2>/dev/full", 1, ""),
        ("| true", 1, ""),
    ],
)
def test_closed_and_full_streams_end_quietly(redirected: str, code: int, words: str) -> None:
    command = f"set -o pipefail; '{sys.executable}' -m camkit_core list-renderers {redirected}"
    run = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=ROOT)
    assert (run.returncode, run.stderr) == (code, words)


class _Mute(Exception):
    def __str__(self) -> str:
        raise GeneratorExit


def test_an_error_without_words_is_told() -> None:
    assert told(_Mute()) == "(its text cannot be had: GeneratorExit)"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KeyError("x"), "unexpected KeyError: 'x'; this is a fault of "),
        (SystemExit(7), "unexpected SystemExit: 7; this is a fault of "),
        (_Mute(), "unexpected _Mute: (its text cannot be had"),
        (MemoryError(), "unexpected MemoryError; "),
    ],
)
def test_an_unexpected_error_is_one_line_that_says_whose_fault_it_is(
    error: BaseException, said: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*arguments: object) -> None:
        raise error

    monkeypatch.delenv("CAMKIT_TRACEBACK", raising=False)
    monkeypatch.setattr("camkit_core.cli.listing.lists._list", failing)
    assert main(["list-methods"]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"camkit: error: {said}")
    assert err.endswith("; CAMKIT_TRACEBACK=1 in the environment shows where it comes from\n")
    assert err.count("\n") == 1
    assert "(test_terminal.py, function failing)" in err
    monkeypatch.setenv("CAMKIT_TRACEBACK", "1")
    assert main(["list-methods"]) == 2
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_ctrl_c_while_the_command_is_imported_prints_nothing(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    class _Interrupting:
        def find_spec(self, name: str, *more: object) -> None:
            if name == "camkit_core.cli.command":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "camkit_core.cli.command")
    monkeypatch.setattr(sys, "meta_path", [_Interrupting(), *sys.meta_path])
    assert main(["list-methods"]) == 130
    assert capsys.readouterr() == ("", "")


def test_a_torchvision_of_another_torch_is_told_with_what_installs_both() -> None:
    told_so = account(RuntimeError("operator torchvision::nms does not exist"))
    assert re.search(r"^torch \d\S+ and torchvision \d\S+ do not fit each other; ", told_so)
    assert told_so.endswith("pip install --force-reinstall torch torchvision")
