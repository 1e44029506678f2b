"""`camkit compare`: the verdict on stdout, the report in a file, errors in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from camkit_core.cli import main
from helpers.command_calls import compare, names, picture

Capture = pytest.CaptureFixture[str]
QUICK = ("--method", "gradcam,layercam", "--metric", "average_drop,area")


def fails(capsys: Capture, code: int, expected: str) -> None:
    assert code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1].startswith("camkit: error: ")
    assert expected in err.splitlines()[-1]


def test_the_verdict_is_printed_and_the_report_written(dog: str, capsys: Capture) -> None:
    assert compare(dog, *QUICK, "--target", "7", "--output", "out/r.html") == 0
    *verdict, path = capsys.readouterr().out.splitlines()
    assert path == str(Path("out/r.html"))
    text = Path(path).read_text(encoding="utf-8")
    assert verdict[0].startswith("1 image: too few")
    assert all(sentence in text for sentence in verdict)
    assert "dog.png, cock" in text
    assert "2 methods on resnet18" in text
    assert [path.name for path in Path("out").iterdir()] == ["r.html"]


def test_images_and_targets_are_named_and_every_maker_is_measured(
    dog: str, tmp_path: Path, capsys: Capture
) -> None:
    other = picture(tmp_path / "cat.png", seed=1)
    arguments = ["--target", "ant,3", "--class-names", names(tmp_path), "--json"]
    assert compare(dog, other, *QUICK, *arguments) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads(Path("camkit-report.json").read_text())
    assert [row["name"] for row in document["explained"]] == [
        "dog.png, ant",
        "cat.png, ant",
        "dog.png, class 2",
        "cat.png, class 2",
    ]
    makers = ["gradcam", "layercam", "uniform", "centre", "edges", "random"]
    assert [row["name"] for row in document["makers"]] == makers
    assert [row["name"] for row in document["metrics"]] == ["average_drop", "area"]
    assert list(document["metrics"][0]["results"]) == makers
    assert document["provenance"]["model"] == "resnet18"
    assert document["provenance"]["metrics"] == {"average_drop": {}, "area": {}}
    assert "method" not in document["provenance"]  # the comparison has several methods
    assert document["report"] == "camkit-report.html"
    assert document["failed"] == []


def test_an_unreadable_image_is_left_out_and_named(dog: str, capsys: Capture) -> None:
    Path("bad.jpg").write_bytes(b"no picture")
    assert compare("bad.jpg", dog, *QUICK, "--json") == 1
    out, err = capsys.readouterr()
    assert "camkit: error: bad.jpg: " in err
    assert err.splitlines()[-1].startswith("camkit: 1 of 2 images explained; failed: bad.jpg (")
    assert [row["image"] for row in json.loads(out)["failed"]] == ["bad.jpg"]


def test_no_model_is_loaded_when_no_image_can_be_read(
    dog: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("camkit_core.cli.common.model.load_model", None)
    assert compare("gone.png", *QUICK) == 1
    assert "camkit: 0 of 1 images explained; failed: gone.png (" in capsys.readouterr().err
    assert not Path("camkit-report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--method", "gradcma"], "Did you mean 'gradcam'?"),
        (["--metric", "insertoin"], "Did you mean 'insertion'?"),
        (["--metric", ","], "--metric: expected names"),
        (["--set", "depth=3"], "named 'depth'"),
        (["--output", "report.pdf"], "a file that ends in .html"),
        (["--output", "dog.png/r.html"], "cannot write to output folder"),
    ],
)
def test_what_is_wrong_is_said_before_the_model_is_loaded(
    dog: str,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    expected: str,
) -> None:
    monkeypatch.setattr("camkit_core.cli.common.model.load_model", None)
    fails(capsys, compare(dog, *arguments), expected)


def test_what_the_model_raises_is_one_line(dog: str, capsys: Capture) -> None:
    model = ["--model", "vit_b_32", "--weights", "none", "--size", "64", "--device", "cpu"]
    fails(capsys, main(["compare", dog, *QUICK, *model]), "the model failed on these images")


def test_the_help_shows_examples_and_defaults(capsys: Capture) -> None:
    assert main(["compare", "--help"]) == 0
    printed = capsys.readouterr().out
    assert "camkit compare photos/ --model resnet50" in printed
    assert "(default: insertion,deletion,average_drop,area)" in " ".join(printed.split())
