"""`camkit explain-dataset` writes a table, goes on with it, and says what came of it."""

from __future__ import annotations

import pytest

import camkit_core as camkit
from camkit_core.cli import main
from helpers.picture_folders import BROKEN, filled

TINY = ("--model", "helpers.picture_folders:tiny", "--weights", "none", "--device", "cpu")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return filled(tmp_path_factory.mktemp("photos"), count=8)


def explain(photos, output, *arguments):
    work = ("--workers", "0", "--output", str(output))
    return main(["explain-dataset", str(photos), *TINY, *work, *arguments])


def test_a_folder_becomes_a_table_and_a_second_call_goes_on_with_its_method(
    photos, tmp_path, capsys
):
    question = ("--method", "gradcam,layercam", "--target", "top2", "--labels", "folders")
    assert explain(photos, tmp_path, *question, "--shard", "1/2") == 1
    assert explain(photos, tmp_path) == 1
    done = capsys.readouterr()
    assert done.out.splitlines()[-1] == f"{tmp_path}  48 rows  16 errors"
    assert "camkit: error: text.jpg: InputError: cannot read" in done.err
    maps = camkit.open_dataset(tmp_path)
    assert {row.id for row in maps if row.error} == set(BROKEN)
    assert {row.label_name for row in maps if not row.error} <= {"deep 0", "deep 1", None}
    assert {row.method for row in maps} == {"gradcam", "layercam"}


def test_a_row_is_drawn_with_the_preprocessing_of_the_model_s_name(photos, tmp_path):
    explain(photos, tmp_path)
    row = next(row for row in camkit.open_dataset(tmp_path) if not row.error)
    assert row.render().size == (48, 40)


def test_no_errors_are_exit_code_0(tmp_path, capsys):
    photos = filled(tmp_path / "photos", count=2, broken=False)
    assert explain(photos, tmp_path / "maps") == 0
    assert capsys.readouterr().out == f"{tmp_path / 'maps'}  2 rows  0 errors\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--method", "gradcma"], "Did you mean 'gradcam'?"),
        (["--shard", "17/16"], "expected a shard as 3/16"),
        (["--labels", "nowhere.csv"], "cannot read labels from 'nowhere.csv'"),
        (["--target", "top9"], "best classes of a model with 3"),
        (["--set", "alhpa=1"], "alhpa"),
        (["--engine", "dask"], "argument --engine"),
    ],
)
def test_a_wrong_argument_is_one_line(arguments, told, photos, tmp_path, capsys):
    assert explain(photos, tmp_path, *arguments) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("camkit: error: ")
    assert told in last


def test_what_failed_before_its_first_row_does_not_decide_what_the_output_is(
    photos, tmp_path, capsys
):
    assert explain(photos, tmp_path, "--target", "7") == 2
    assert "out of range" in capsys.readouterr().err
    assert explain(photos, tmp_path, "--target", "2") == 1
    assert {row.target for row in camkit.open_dataset(tmp_path)} == {"2"}


def test_another_method_in_the_same_output_is_refused(photos, tmp_path, capsys):
    explain(photos, tmp_path)
    assert explain(photos, tmp_path, "--method", "layercam") == 2
    assert 'its method is ["gradcam"], and now it is ["layercam"]' in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_refused(tmp_path, capsys):
    assert explain(tmp_path / "nowhere", tmp_path / "maps") == 2
    assert "no such folder" in capsys.readouterr().err
