"""Notes are said once, with a count; what was done to a picture is said, too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from camkit_core import explain as explain_tensor
from camkit_core import load_model
from camkit_core.cli.common.model import preparation
from camkit_core.cli.common.notes import Notes
from camkit_core.inputs.models.preprocessing import UNSTATED, Preprocessing
from camkit_core.results.caveats import UNTRAINED_HEAD
from helpers.command_calls import explain, picture

Capture = pytest.CaptureFixture[str]


def said(capsys: Capture, *notes: tuple[str, str, str, str]) -> list[str]:
    gathered = Notes()
    for note in notes:
        gathered.add(*note)
    gathered.say()
    return [line.removeprefix("camkit: note: ") for line in capsys.readouterr().err.splitlines()]


def test_a_note_of_one_picture_says_all_of_it(capsys: Capture) -> None:
    assert said(capsys, ("odd", "a.jpg", "gradcam", "pug 0.9")) == ["a.jpg, gradcam, pug 0.9: odd"]


def test_the_same_note_of_many_pictures_is_said_once_with_their_number(capsys: Capture) -> None:
    many = [("odd", f"{i}.jpg", method, "pug") for i in range(200) for method in ("a", "b")]
    assert said(capsys, *many) == ["in 200 images, a, b: odd"]


def test_notes_that_differ_in_numbers_are_said_by_their_first(capsys: Capture) -> None:
    many = [(f"off by {i}.5e-3%", f"{i}.jpg", "rise", "pug 1.0") for i in range(3)]
    assert said(capsys, *many) == [
        "in 3 images, rise, the like of (0.jpg, rise, pug 1.0): off by 0.5e-3%"
    ]


def test_notes_of_one_picture_by_several_methods_are_one(capsys: Capture) -> None:
    both = [("odd", "a.jpg", "a", "pug"), ("odd", "a.jpg", "b", "pug")]
    assert said(capsys, *both) == ["a.jpg, a, b: odd"]


def test_a_run_says_its_notes_once_and_how_pictures_are_prepared(
    dog: str, tmp_path: Path, capsys: Capture
) -> None:
    others = [picture(tmp_path / f"{i}.png", seed=i) for i in range(2)]
    assert explain(dog, *others, "--target", "7") == 0
    err = capsys.readouterr().err
    assert err.count("looks untrained") == 1
    assert "in 3 images, gradcam: the model looks untrained" in err
    assert "resnet18 is given each picture at 64 x 64 (fit, middle 7/8), less the mean" in err
    assert "explain nothing" in err


def test_how_pictures_are_prepared_is_said_to_be_a_guess_where_nothing_states_it() -> None:
    loaded = load_model("test_resnet", weights="none")
    guessed = replace(loaded, prepared=Preprocessing(how=UNSTATED).record())
    assert "(fit, middle 7/8, as nothing says otherwise)" in preparation(guessed)
    assert "--size, --mean and --std" in preparation(guessed)
    assert "as nothing says otherwise" not in preparation(loaded)


def test_a_head_of_zeros_looks_untrained_and_no_other_layer_is_advised() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)
    )
    nn.init.zeros_(model[3].weight)
    nn.init.zeros_(model[3].bias)
    with pytest.warns(match="all classes have the same score: the model looks untrained"):
        notes = explain_tensor(model.eval(), torch.rand(1, 3, 8, 8), layer="0").notes
    assert notes[0] == UNTRAINED_HEAD
    assert not any("try" in note or "score almost alike" in note for note in notes)
