"""The pictures that a command line names: files, folders, patterns, lists, standard input."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from camkit_core.cli import main
from camkit_core.cli.common.failures import Failures
from camkit_core.cli.common.image_files import Asked, image_files
from camkit_core.errors import ArgumentError
from helpers.command_calls import explain, picture

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pictures a.png, b.gif and sub/c.png, a text, and what a system puts there."""
    monkeypatch.chdir(tmp_path)
    for name in ("photos/a.png", "photos/b.gif", "photos/sub/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        picture(tmp_path / name)
    for name in ("notes.txt", ".DS_Store", "Thumbs.db"):
        (tmp_path / "photos" / name).write_text("")
    return tmp_path / "photos"


def found(*images: str, **asked: object) -> list[str]:
    paths = image_files(Asked(images, **asked), Failures())  # type: ignore[arg-type]
    return [path.as_posix() for path in paths]


def test_a_folder_stands_for_its_pictures_and_the_rest_is_counted(
    folder: Path, capsys: Capture
) -> None:
    assert found("photos") == ["photos/a.png", "photos/b.gif"]
    said = "left out 1 file of other kinds (.txt) and 1 folder (--recursive takes them)"
    assert capsys.readouterr().err == f"camkit: note: photos: {said}\n"


def test_recursive_takes_the_folders_in_it_but_not_the_one_written_to(folder: Path) -> None:
    (folder / "out").mkdir()
    picture(folder / "out" / "a_gradcam.png")
    asked = Asked(["photos"], recursive=True)
    paths = image_files(asked, Failures(), folder / "out")
    assert [path.name for path in paths] == ["a.png", "b.gif", "c.png"]


def test_a_pattern_that_the_shell_left_is_expanded(folder: Path, capsys: Capture) -> None:
    assert found("photos/*.png") == ["photos/a.png"]
    assert found("photos/**/*.png") == ["photos/a.png", "photos/sub/c.png"]
    assert found("photos/*.bmp") == []
    assert "no file fits this pattern" in capsys.readouterr().err
    (folder / "[x].png").write_bytes((folder / "a.png").read_bytes())
    assert found("photos/[x].png") == ["photos/[x].png"]


def test_a_list_of_files_is_read_by_lines_or_nuls(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "list").write_text("photos/a.png\n\nphotos/b.gif\n")
    assert found(files_from="photos/list") == ["photos/a.png", "photos/b.gif"]
    (folder / "list").write_bytes(b"photos/a.png\0photos/sub\0")
    assert found(files_from="photos/list") == ["photos/a.png", "photos/sub/c.png"]
    (folder / "list").write_text("BMW.jpg\nphotos/a.png\n")
    assert found(files_from="photos/list") == ["photos/a.png"]
    with pytest.raises(ArgumentError, match="is a picture, not a list of pictures"):
        found(files_from="photos/a.png")
    with pytest.raises(ArgumentError, match="name a picture or a folder"):
        found()


def test_each_file_that_is_no_picture_is_said_first(folder: Path, capsys: Capture) -> None:
    (folder / "bad.png").write_text("no picture")
    failures = Failures()
    names = ["photos/bad.png", "gone.png", "https://example.org/a.png", "photos/a.png"]
    assert image_files(Asked(names), failures) == [Path("photos/a.png")]
    assert list(failures.reasons) == names[:3]
    assert "https://example.org/a.png: an address" in capsys.readouterr().err


def test_a_picture_comes_from_standard_input(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = SimpleNamespace(
        buffer=io.BytesIO((folder / "a.png").read_bytes()), isatty=lambda: False
    )
    monkeypatch.setattr(sys, "stdin", stdin)
    assert explain("-", "--target", "7", "--output", "o") == 0
    assert os.listdir("o") == ["stdin_gradcam_cock.png"]


@pytest.mark.parametrize(
    ("stdin", "expected"),
    [
        (SimpleNamespace(isatty=lambda: True), "standard input is the terminal"),
        (None, "standard input is closed"),
        (
            SimpleNamespace(isatty=lambda: False, buffer=io.BytesIO(b"x")),
            "cannot read standard input: not a picture",
        ),
    ],
)
def test_what_is_wrong_with_standard_input_is_said(
    stdin: object, expected: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin)
    assert Failures().read(Path("-")) is None
    assert expected in capsys.readouterr().err


def test_pictures_stand_before_and_behind_the_options(capsys: Capture) -> None:
    assert main(["explain", "gone.png", "--model", "resnet18", "-r", "lost.png"]) == 1
    assert "0 of 2 images explained" in capsys.readouterr().err


def test_a_name_that_begins_with_a_hyphen_is_told_how_it_is_given(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(folder / "-a.png")
    monkeypatch.chdir(folder)
    assert main(["explain", "-a.png", "--model", "resnet18"]) == 2
    assert "The file of that name is ./-a.png" in capsys.readouterr().err
    for words in (["--model", "resnet18", "--", "-gone.png"], ["a", "--model", "m", "--", "-b"]):
        assert main(["explain", *words]) == 1
        assert f"{words[-1]}: no such file" in capsys.readouterr().err


def test_what_can_be_told_without_torch_is_told_before_its_import(tmp_path: Path) -> None:
    script = (
        "import sys; from camkit_core.cli import main; code = main(sys.argv[1:]); "
        "sys.exit(9 if 'torch' in sys.modules else code)"
    )
    command = [sys.executable, "-c", script, "explain", "gone.png", "--model", "resnet18"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 1
    assert "0 of 1 images explained" in run.stderr


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (["--method", "gradcma"], "Did you mean 'gradcam'?"),
        (["--renderer", "overly"], "Did you mean 'overlay'?"),
        (["--weights", "gone.pth"], "no checkpoint at 'gone.pth'"),
        (["--class-names", "gone.txt"], "cannot read class names from 'gone.txt'"),
        (["--output", "a.pdf"], "a file that ends in .png or .jpg"),
    ],
)
def test_names_and_files_are_checked_before_the_images(
    more: list[str], expected: str, capsys: Capture
) -> None:
    assert main(["explain", "gone.png", "--model", "resnet18", *more]) == 2
    assert expected in capsys.readouterr().err
