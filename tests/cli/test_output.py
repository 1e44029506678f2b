"""`--output`: one meaning for all commands, and names of files that overwrite no other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from camkit_core.cli.common.output import PICTURES, REPORTS, Output, output_of
from camkit_core.errors import ArgumentError
from helpers.command_calls import explain, picture

Capture = pytest.CaptureFixture[str]


def test_an_ending_that_is_written_makes_a_file_of_it(tmp_path: Path) -> None:
    given = str(tmp_path / "new" / "why.PNG")
    assert output_of(given, PICTURES, "pictures") == Output(tmp_path / "new", "why.PNG")
    assert output_of(str(tmp_path / "r.html"), REPORTS, "a report").name == "r.html"


@pytest.mark.parametrize("name", ["maps", "v1.2", "maps.png/"])
def test_anything_else_is_a_folder(name: str, tmp_path: Path) -> None:
    output = output_of(f"{tmp_path}/{name}", PICTURES, "pictures")
    assert output.name is None
    assert not (tmp_path / name).exists()
    output.make()
    assert (tmp_path / name).is_dir()


def test_where_no_picture_can_be_read_no_folder_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert explain("gone.png") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_stays_one_whatever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "old.png").mkdir()
    assert output_of(str(tmp_path / "old.png"), PICTURES, "pictures").name is None


def test_the_ending_of_another_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"a file that ends in \.html or \.htm"):
        output_of(str(tmp_path / "report.pdf"), REPORTS, "a report")
    for name in ("a.html", "a.pgn", "a.xyz"):
        with pytest.raises(ArgumentError, match=rf"cannot write pictures to '.*{name}'"):
            output_of(str(tmp_path / name), PICTURES, "pictures")
    assert list(tmp_path.iterdir()) == []


def test_one_picture_goes_into_the_file_that_is_named(dog: str) -> None:
    assert explain(dog, "--target", "7", "--output", "why.jpg", "--json") == 0
    assert {"why.jpg", "why.json"} <= set(os.listdir())


def test_the_picture_itself_is_not_overwritten(dog: str, capsys: Capture) -> None:
    before = Path(dog).read_bytes()
    Path("link.png").symlink_to(dog)
    for given in (dog, "dog.png", "link.png"):
        assert explain(dog, "--output", given) == 2
        assert "give another file, or a folder" in capsys.readouterr().err
    assert Path(dog).read_bytes() == before


def test_a_name_that_is_too_long_is_one_line(dog: str, capsys: Capture) -> None:
    assert explain(dog, "--output", "o" * 300) == 2
    assert "cannot write to output folder" in capsys.readouterr().err


def test_several_pictures_for_one_file_are_refused(
    dog: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert explain(dog, "--target", "7,8", "--output", "why.png") == 2
    assert "2 pictures do not go into one file, why.png" in capsys.readouterr().err
    monkeypatch.setattr("camkit_core.cli.common.model.load_model", None)
    other = picture(tmp_path / "cat.png")
    assert explain(dog, other, "--output", "why.png") == 2
    assert "2 pictures" in capsys.readouterr().err
    assert not Path("why.png").exists()


def test_pictures_of_another_renderer_overwrite_none(dog: str) -> None:
    assert explain(dog, "--target", "7", "--output", "o") == 0
    assert explain(dog, "--target", "7", "--output", "o", "--renderer", "side_by_side") == 0
    assert set(os.listdir("o")) == {"dog_gradcam_cock.png", "dog_gradcam_cock_side-by-side.png"}
