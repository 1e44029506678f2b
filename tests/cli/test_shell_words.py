"""No advice of the command names an argument of Python."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import camkit_core
from camkit_core.cli.common.shell_words import for_the_shell
from helpers.command_calls import explain

CORE = Path(camkit_core.__file__).parent
OWN = "let a model of your own return"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pass reshape_transform= or choose another layer", "choose another layer (--layer; "),
        ("or target=lambda output: f(output, 1)[0] - 1.5", f"{OWN} f(output, 1)[0] - 1.5 ("),
        ("explain with a callable, e.g. target=lambda output: output[3]", f"{OWN} output[3] ("),
        ("output=lambda output: output.logits", "--model-output logits"),
        ("say output='logits' or output=1", "say --model-output logits or --model-output 1"),
        ("and pass layer='a > b'. The last", "and pass --layer 'a > b'. The last"),
        ("Pass layer= with one of its layers, and reshape_transform= where it is no grid.", "(--"),
        ("target=camkit_core.TextTarget('a car'), or several texts in a list", "--text 'a car'"),
        ("make it with guided=True (in the shell: --guided)", "make it with --guided"),
        ("renderer='overlay'; or explain it with adapter=x", "--renderer overlay"),
        ("No option. Did you mean 'target'?", "Did you mean --target?"),
        ("metrics=['insertion', 'deletion']", "--metric insertion,deletion"),
        ("negative; e.cam holds the signed values", "--renderer raw writes the signed values"),
        (
            "classes 2 and 0 score almost alike (3.02 and 3); explain both, or target=lambda "
            "output: output[2] - output[0]",
            "explain both (--target 2,0), or what tells them apart (--method finercam)",
        ),
        (
            "no camkit.json; explain_dataset(model, source, output) writes one to output",
            "; camkit explain-dataset FOLDER --model NAME --output MAPS writes one",
        ),
        ("pass format= as npz", "pass --format as npz"),
        ("Net has no layer 'x'; close to it: a, b", "a, b; `camkit layers MODEL` lists all"),
        ("cam takes seed= as an integer; got 'abc'", "cam takes seed= as an integer; got 'abc'"),
    ],
)
def test_arguments_become_options(text: str, expected: str) -> None:
    assert expected in for_the_shell(text)


def fixed(part: ast.expr) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    return "'x'" if getattr(part, "conversion", -1) == ord("r") else "3"


def texts() -> list[str]:
    """The texts of errors and notes in the library; of a formatted one the parts that are fixed."""
    files = (f for f in CORE.rglob("*.py") if not {"cli", "testing"} & set(f.parts))
    trees = (ast.parse(f.read_text(encoding="utf-8")) for f in files if f.name != "compat.py")
    nodes = (node for tree in trees for node in ast.walk(tree))
    return ["".join(map(fixed, n.values)) for n in nodes if isinstance(n, ast.JoinedStr)]


def test_no_text_of_the_library_leaves_an_argument_of_python() -> None:
    left = re.compile(r"=lambda|\b(reshape_transform|layer|target|output|renderer|metrics)='?\w")
    python = "camkit.explain("  # where it says that it is Python
    given = [text for text in texts() if left.search(text) and python not in text]
    assert len(given) > 10
    assert [text for text in map(for_the_shell, given) if left.search(text)] == []


def test_a_layer_without_a_grid_advises_what_the_command_has(
    dog: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(dog, "--layer", "fc") == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert "--layer; `camkit layers MODEL` lists them" in last
    assert "reshape_transform" not in last
