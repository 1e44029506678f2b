"""Every wrong argument of every command: one line, exit code 2, and no model is loaded."""

from __future__ import annotations

import time

import pytest

from camkit_core.cli import main
from helpers.command_calls import explain

NINES, LONG = "9" * 5000, "x" * 10**6
EXPLAIN = [
    *[
        ("--batch-size", each, "a number from 1 on")
        for each in ("0", "-1", "abc", "2.5", "", NINES)
    ],
    *[("--size", each, "a number from 1 on") for each in ("0", "-1", "1e9", "", NINES)],
    *[("--size", each, "expected N or HxW") for each in ("1x2x3", "8x8x", "8x", "x")],
    *[
        ("--mean", each, "one or three numbers")
        for each in ("nan", "1,2", "", "a", "inf", "1,2,3,4")
    ],
    *[("--std", each, "one or three numbers above zero") for each in ("0", "-1", "nan", "1,1,0")],
    *[("--set", each, "expected --set name=value") for each in ("seed", "=1", "a b=1", "")],
    *[("--set", f"seed={each}", "seed= as an integer") for each in ("abc", "", "{[]:1}", "1.5")],
    *[("--set", f"seed={each}", "seed= as an integer") for each in ("True", NINES, "[" * 10**5)],
    *[("--set", f"samples={each}", "samples= as an integer of at least 1") for each in ("0", "-1")],
    ("--set", "layer=3", "it is an option of the command: --layer"),
    ("--set", "adapter=3", "an argument of camkit_core.explain, in Python alone"),
    ("--set", "sampels=3", "Did you mean 'samples'?"),
    ("--set", "targt=3", "Did you mean --target?"),
    ("--set", f"{'x' * 10**5}=3", "no option of smoothgradcam++"),
    *[("--target", each, "class indices, class names") for each in ("", ",", " ", NINES)],
    *[("--target", each, "expected top1 to top100000") for each in ("top0", "top100000000")],
    ("--target", f"1,top{NINES}", "expected top1 to top100000"),
    *[("--layer", each, "names separated by commas") for each in ("", ",", " ")],
    *[("--method", each, "names separated by commas") for each in ("", ",")],
    *[("--method", each, "no method named") for each in ("gradcma", LONG, "\udcff", "gradcam,x")],
    *[(name, "", "expected a name") for name in ("--output", "--renderer", "--weights")],
    *[(name, " ", "expected a name") for name in ("--device", "--class-names", "--model-output")],
]


@pytest.fixture(autouse=True)
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("camkit_core.cli.common.model.load_model", None)


def refused(code: int, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = capsys.readouterr()
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("camkit: error: ")
    assert expected in err
    assert len(err) < 2100


def test_cases_are_counted_once() -> None:
    assert len({(name, value) for name, value, _ in EXPLAIN}) == len(EXPLAIN)


@pytest.mark.parametrize("number", range(len(EXPLAIN)))
def test_a_wrong_argument_of_explain(
    number: int, dog: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name, value, expected = EXPLAIN[number]
    method = [] if name == "--method" else ["--method", "smoothgradcam++"]
    refused(explain(dog, *method, f"{name}={value}"), expected, capsys)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        *[
            (["plugins", "--check", "--seconds", s], "seconds")
            for s in ("nan", "0", "inf", "x", "")
        ],
        (["plugins", "--check", "--seconds=-1"], "argument --seconds"),
        (["compare", "a.png", "--model", "m", "--metric", ""], "argument --metric"),
        (["compare", "a.png", "--model", "m", "--metric", "insertoin"], "Did you mean 'insertion'"),
        (["compare", "a.png", "--model", "m", "--output", ""], "argument --output"),
        (["compare", "a.png", "--model", ""], "argument --model"),
        (["evaluate", "--method", ""], "argument --method"),
        (["evaluate", "--method", "gradcma"], "Did you mean 'gradcam'"),
        (["evaluate", "--tier", "2"], "argument --tier"),
        (["evaluate", "--tier", NINES], "argument --tier"),
        (["evaluate", "--tier", "1", "--arch", ","], "argument --arch"),
        (["evaluate", "--tier", "1", "--arch", "x"], "expected --arch of"),
        (["evaluate", "--tier", "1", "--scenes", "0"], "argument --scenes"),
        (["evaluate", "--tier", "1", "--output", ""], "argument --output"),
        (["check"], "name a plugin to check"),
        (["check", ""], "adapter or source named ''"),
        (["check", "torchvision.models.resnet"], "pass --model"),
        (["check", "vit", "--kind", "adapter", "--model", ""], "argument --model"),
        (["check", "gradcam", "--size", "0"], "argument --size"),
        (["demo", "--output", ""], "argument --output"),
        (["demo", "--arch", "x"], "argument --arch"),
        (["layers", ""], "argument MODEL"),
        (["layers", "resnet18", "--size", "1x2x3"], "argument --size"),
        (["list-methods", "x"], "unrecognized arguments"),
        (["explain", "\udcff", "--model", "m", "--nothing"], "unrecognized arguments"),
        ([LONG], "no command"),
        (["explian"], "Did you mean explain?"),
        (["list"], "Did you mean list-models or list-methods or list-archs"),
        (["dog.jpg"], "camkit explain dog.jpg --model resnet50"),
        (["explain", "a.png", "--metohd", "x"], "--metohd. Did you mean --method?"),
        (["explain", "a.png", "-m", "x"], "Did you mean --model or"),
        (["explain", "--no-plugins", "a.png"], "camkit --no-plugins ..."),
        (["explain", "--image", "a.png"], "named without an option"),
        (["explain", "a.png", "--checkpoint", "x"], "Did you mean --weights?"),
        (["layers", "resnet18", "--checkpoint", "x"], "Did you mean --weights?"),
        (["layers", "--model", "x"], "named without an option: camkit layers resnet50"),
        (["explain", "a.png", "--class", "x"], "Did you mean --target?"),
        (["--verson"], "Did you mean --version?"),
        (["demo", "--arch", "vti"], "Did you mean vit?"),
        (["explain", "a.png"], "--model resnet50; `camkit list-models`"),
        (["explain", "a", "--mean", "-1,2,3"], "--mean=-1"),
    ],
)
def test_a_wrong_argument_of_another_command(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(main(arguments), expected, capsys)


def test_more_classes_than_a_model_has_are_refused_at_once(
    dog: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    start = time.perf_counter()
    assert explain(dog, "--target", "top100000") == 2
    assert "asked for the" in capsys.readouterr().err.splitlines()[-1]
    assert time.perf_counter() - start < 20
