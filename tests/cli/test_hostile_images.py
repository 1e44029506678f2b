"""One bad image never ends a run: the others are explained, and the document is whole."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cv2
import pytest

from camkit_core.cli import main
from camkit_core.cli.common.files import short_enough
from camkit_core.results import whole_files
from helpers.command_calls import compare, explain, picture
from helpers.picture_files import white_png

Capture = pytest.CaptureFixture[str]
QUICK = ("--target", "7")


@pytest.fixture
def bad(dog: str, tmp_path: Path) -> list[str]:
    """Paths that are no images, of many kinds, in the working directory."""
    (tmp_path / "bomb.png").write_bytes(white_png(50_000, 4_000))
    (tmp_path / "cut.png").write_bytes((tmp_path / "dog.png").read_bytes()[:60])
    (tmp_path / "empty").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nowhere")
    os.mkfifo("pipe.png")
    rest = ["", "https://example.org/a.png", "n" * 300, "a\0b", "/dev/null"]
    return ["bomb.png", "cut.png", "empty", "loop", "dangling", "pipe.png", *rest]


@pytest.mark.parametrize("command", [explain, compare])
def test_the_good_images_are_explained_and_each_bad_one_has_a_row(
    command: Any, dog: str, bad: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    other = picture(tmp_path / "cat.png", seed=1)
    metric = ["--metric", "area"] if command is compare else []
    assert command(*bad[:6], dog, *bad[6:], other, *QUICK, "--json", *metric) == 1
    out, err = capfd.readouterr()
    document = json.loads(out)
    explained = document["explanations" if command is explain else "explained"]
    assert len(explained) == 2
    assert len(document["failed"]) == len(bad)
    assert all(row["reason"] and "\n" not in row["reason"] for row in document["failed"])
    errors = [line for line in err.splitlines() if line.startswith("camkit: error: ")]
    assert len(errors) == len(bad)
    assert all(line.startswith("camkit: ") for line in err.splitlines())  # no decoder's words


@pytest.mark.parametrize("command", [explain, compare])
def test_the_document_is_whole_where_no_image_can_be_read(
    command: Any, bad: list[str], capsys: Capture
) -> None:
    assert command(*bad, "--json") == 1
    assert len(json.loads(capsys.readouterr().out)["failed"]) == len(bad)


def test_a_folder_that_vanishes_is_one_line(
    dog: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "folder").mkdir()
    monkeypatch.setattr(os, "scandir", gone)
    assert explain("folder", dog, *QUICK) == 1
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    assert "camkit: error: folder: " in err


def test_a_decoder_that_fails_is_the_failure_of_its_image(
    dog: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode, seen = cv2.imdecode, []

    def failing(*arguments: Any) -> Any:
        seen.append(1)
        if len(seen) == 1:
            raise cv2.error("broken")
        return decode(*arguments)

    monkeypatch.setattr(cv2, "imdecode", failing)
    assert explain(dog, picture(tmp_path / "cat.png", seed=1), *QUICK) == 1
    assert "cat_gradcam_cock.png" in capsys.readouterr().out


def test_a_wrong_limit_is_refused_before_the_model_is_loaded(
    dog: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("camkit_core.cli.common.model.load_model", None)
    monkeypatch.setenv("CAMKIT_MAX_PIXELS", "many")
    assert explain(dog) == 2
    assert "expected CAMKIT_MAX_PIXELS as a number of pixels" in capsys.readouterr().err


def test_an_output_folder_that_fills_fails_its_image_alone(
    dog: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, seen = Path.replace, []

    def full(path: Path, target: Path) -> Path:
        seen.append(target)
        if target.name.startswith("dog"):
            raise OSError(28, "No space left on device")
        return replace(path, target)

    monkeypatch.setattr(whole_files.Path, "replace", full)
    other = picture(tmp_path / "cat.png", seed=1)
    assert explain(dog, other, *QUICK, "--json") == 1
    out, err = capsys.readouterr()
    assert [row["image"] for row in json.loads(out)["failed"]] == [dog]
    assert "No space left on device" in err
    written = {path.name for path in Path("camkit-output").iterdir()}
    assert written == {"cat_gradcam_cock.png", "cat_gradcam_cock.json"}


def test_what_was_written_before_an_interruption_is_in_the_document(
    dog: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from camkit_core.cli import explain_images

    compare_, seen = explain_images.compare, []

    def interrupted(*arguments: Any, **keywords: Any) -> Any:
        seen.append(1)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return compare_(*arguments, **keywords)

    monkeypatch.setattr(explain_images, "compare", interrupted)
    assert explain(dog, picture(tmp_path / "cat.png", seed=1), *QUICK, "--json") == 130
    assert len(json.loads(capsys.readouterr().out)["explanations"]) == 1


def test_the_answer_is_printed_where_the_report_cannot_be_written(
    dog: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(whole_files.Path, "replace", full)
    assert compare(dog, *QUICK, "--metric", "area", "--json") == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["report"] is None
    assert "cannot write 'camkit-report.html': No space left on device" in err
    assert not list(tmp_path.glob("*report*")) + list(tmp_path.glob(".camkit*"))


def test_a_long_name_is_cut_and_a_short_one_is_kept() -> None:
    assert short_enough("dog", "_gradcam_7") == "dog_gradcam_7"
    assert len(os.fsencode(short_enough("ü" * 125, "_gradcam_7") + "_guided.png")) <= 255


def test_an_image_with_the_longest_name_is_explained(
    dog: str, tmp_path: Path, capsys: Capture
) -> None:
    name = "n" * 251 + ".png"
    picture(tmp_path / name)
    assert explain(name, *QUICK, "--json", "--guided") == 0
    assert len(list(Path("camkit-output").iterdir())) == 3


def test_a_demo_that_cannot_be_written_is_refused_before_it_is_made(
    dog: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("camkit_core.cli.demo_photos.explain_photos", None)
    for output in (f"{dog}/a.png", "a.txt", "/dev/full"):
        assert main(["demo", "--output", output]) == 2
        assert capsys.readouterr().err.count("\n") == 1
