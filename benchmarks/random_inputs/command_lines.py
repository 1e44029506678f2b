"""Random command lines: each option of each command, with values that are right, odd or hostile."""

from __future__ import annotations

import argparse
import io
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from camkit_core.cli import main
from camkit_core.cli.command import _parser

CommandLine = list[str]
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_TAKES_LONG = {"evaluate": ["--scenes", "0"], "check": ["nothing"], "demo": ["--arch", "none"]}
_APART = ["studio", "migrate", "explain-dataset"]  # one serves, the others walk through "/"

FILES = ["good.png", "good.jpg", "empty.png", "text.png", "cut.png", "folder", "none"]
FILES += ["a\x1b[31m.png"]
_ODD = "0 -1 1 2 1e9 nan inf 1x2 0x0 abc -- - , = top0 top100000000 n={[]:1} seed=abc =1 seed= .. /"
HOSTILE = st.one_of(
    st.sampled_from(["", " ", *_ODD.split()]),
    st.sampled_from(["9" * 5000, "a" * 5000, "\x1b[31mred", "a\nb", "\udcff", "seed=" + "[" * 500]),
    st.text(st.characters(codec="utf-8"), max_size=6),
)
_KNOWN = {
    "--model": "squeezenet1_1 timm:test_vit sys:exit os:getcwd resnt18 timm: : a:b:c",
    "--weights": "none none none text.png weights.pth folder nowhere.pth",
    "--class-names": "names.txt text.png good.png folder nowhere.txt",
    "--size": "32 64 32x48 32,48",
    "--mean": "0.5 0.4,0.5,0.6 1,2",
    "--std": "0.5 0.2,0.2,0.3 0 -1",
    "--device": "cpu cuda:99 hpu meta mps",
    "--method": "gradcam eigencam gradcam,layercam gradcma gradcam,gradcam camkit:gradcam",
    "--target": "0 top1 top2 3,5 pug 999 1000 -1",
    "--layer": "features features.0 blocks.1 nowhere # features#7 head.0",
    "--model-output": "0 logits -1",
    "--set": "seed=1 samples=2 nonsense=1 seed='a' samples=-1 layers=[1]",
    "--batch-size": "1 8",
    "--renderer": "overlay heatmap overly",
    "--metric": "area average_drop aera",
    "--output": "out out.html out.png good.png none/none/out.html /dev/full \x1b]0;x\x07",
    "--dir": "out good.png",
    "--seconds": "5 0",
    "--kind": "method renderer",
    "--tier": "0 1 7",
    "--arch": "vgg none",
    "model": "squeezenet1_1 timm:test_vit resnt18 sys:exit",
    "maps": "folder none good.png",
    "pattern": "resnet* nothing",
    "name": "gradcam nothing import my-cam json a/b overlay",
}
KNOWN = {"images": FILES} | {name: texts.split() for name, texts in _KNOWN.items()}
_SELDOM = st.integers(0, 9).map(lambda number: number == 9)


def _commands() -> dict[str, list[argparse.Action]]:
    """The actions of each subcommand, as argparse has them; so a new option takes part at once."""
    tables = [each for each in _parser()._actions if isinstance(each, argparse._SubParsersAction)]
    commands = tables[0].choices.items()
    return {name: list(parser._actions) for name, parser in commands if name not in _APART}


COMMANDS = _commands()


@st.composite
def inputs(draw: st.DrawFn) -> CommandLine:
    """The arguments of `camkit`."""
    common = draw(
        st.sampled_from([[]] * 6 + [["--no-plugins"], ["--disable-plugin", draw(HOSTILE)]])
    )
    busy = st.sampled_from(["explain", "explain", "compare", "layers"])
    command = draw(busy if draw(st.booleans()) else st.sampled_from(sorted(COMMANDS)))
    actions = [each for each in COMMANDS[command] if each.dest != "help"]
    options = [each for each in actions if each.option_strings]
    line = [command, *_positionals(draw, actions)]
    for option in draw(st.lists(st.sampled_from(options), max_size=4)) if options else ():
        line += _option(draw, option)
    if command in ("explain", "compare"):
        line = [
            *line[:1],
            "--model",
            "squeezenet1_1",
            "--weights",
            "none",
            "--size",
            "32",
            *line[1:],
        ]
    if draw(_SELDOM):
        line.insert(draw(st.integers(0, len(line))), draw(HOSTILE))
    return [*common, *line, *_TAKES_LONG.get(command, [])]


def _positionals(draw: st.DrawFn, actions: list[argparse.Action]) -> list[str]:
    values = []
    for action in actions:
        if not action.option_strings and not draw(_SELDOM):
            most = 3 if action.nargs in ("+", "*") else 1
            known = st.sampled_from(KNOWN[action.dest])
            values += draw(st.lists(HOSTILE if draw(_SELDOM) else known, min_size=1, max_size=most))
    return values


def _option(draw: st.DrawFn, action: argparse.Action) -> list[str]:
    name = action.option_strings[0]
    if action.nargs == 0:
        return [name]
    known = st.sampled_from(KNOWN[name]) if name in KNOWN else HOSTILE
    return [name, draw(HOSTILE if draw(st.booleans()) else known)]


def tried(line: CommandLine) -> str:
    """The exit code of a command line, which must have said why in a line if it was not 0."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", "strict") for _ in range(2))
    with _in_a_folder(), redirect_stdout(out), redirect_stderr(err):
        code = main(line)
    printed, said = (_text(stream) for stream in (out, err))
    assert code in (0, 1, 2), f"exit code {code}"
    assert "Traceback" not in said, said[-500:]
    assert not _CONTROL.search(printed + said.replace("\r", "")), "control characters"
    if code == 2:
        errors = [each for each in said.splitlines() if each.startswith("camkit: error: ")]
        assert errors, f"no error: {said[-500:]}"
    longest = max(map(len, said.splitlines()), default=0)
    assert longest < 3000, f"a line of {longest} letters"
    return f"exit {code}"


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode()


@contextmanager
def _in_a_folder() -> Iterator[None]:
    """A working directory with the files that lines name; what is written there is thrown away."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="camkit-") as folder:
        os.chdir(folder)
        try:
            _make_files()
            yield
        finally:
            os.chdir(before)


def _make_files() -> None:
    picture = Image.fromarray(np.arange(64 * 64 * 3, dtype=np.uint8).reshape(64, 64, 3))
    for name in ("good.png", "good.jpg", "a\x1b[31m.png"):
        picture.save(name)
    Path("empty.png").touch()
    Path("text.png").write_text("no picture")
    Path("cut.png").write_bytes(Path("good.png").read_bytes()[:200])
    Path("names.txt").write_text("\n".join(f"class {index}\x1b[2J" for index in range(1000)))
    Path("weights.pth").write_bytes(b"PK\x03\x04 nothing")
    Path("folder").mkdir()
    picture.save("folder/other.png")
