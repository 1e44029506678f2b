"""The command on detectors and on models that segment: what `--target` means to them."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision.models import detection
from torchvision.transforms import ToTensor

from camkit_core.cli import main
from helpers.command_calls import picture

Capture = pytest.CaptureFixture[str]
NAMES = ["background", "person", "dog", "car, auto"]


@pytest.fixture
def street(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A picture in the working directory, and `own_detectors:make`, which finds any object."""
    torch.manual_seed(0)
    made = detection.ssdlite320_mobilenet_v3_large(
        weights=None, weights_backbone=None, num_classes=4, score_thresh=0.0, topk_candidates=20
    )
    module = types.ModuleType("own_detectors")
    vars(module)["make"] = lambda: (made, ToTensor(), NAMES)
    monkeypatch.setitem(sys.modules, "own_detectors", module)
    monkeypatch.chdir(tmp_path)
    return picture(tmp_path / "street.png")


def asked(street: str, *arguments: str) -> int:
    return main(["explain", street, "--model", "own_detectors:make", *arguments])


def explained(capsys: Capture) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["explanations"]
    return rows


def test_without_a_target_the_three_best_boxes_are_explained(street: str, capsys: Capture) -> None:
    assert asked(street, "--json") == 0
    rows = explained(capsys)
    best = rows[0]["boxes"]
    assert [row["target"] for row in rows] == best[:3]
    assert rows[0]["preprocessing"]["size"] == [64, 64]
    assert {Path(row["picture"]).name.rpartition("_")[0] for row in rows} == {"street_gradcam"}


def test_a_box_is_named_by_its_class_and_place(street: str, capsys: Capture) -> None:
    assert asked(street, "--json", "--target", "dog,dog:1,:0,CAR:0,3") == 0
    rows = explained(capsys)
    boxes = rows[0]["boxes"]
    dogs, cars = ([box for box in boxes if box.startswith(n)] for n in ("dog", "car"))
    wanted = [dogs[0], dogs[1], boxes[0], cars[0]]
    assert [row["target"] for row in rows] == list(dict.fromkeys(wanted))
    assert Path(rows[0]["picture"]).name == "street_gradcam_dog.png"


def test_what_it_does_not_find_is_that_images_failure(street: str, capsys: Capture) -> None:
    assert asked(street, "--target", "dog:9999") == 1
    assert "the detector finds no object 9999 of class 2: there are " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("cow", "no class named 'cow'. Known: background, person, dog, car, auto"),
        ("cow:0", "no class named 'cow'"),
        ("cow:0,dog", "no class named 'cow'"),
    ],
)
def test_a_class_that_it_does_not_have_is_one_error(
    target: str, said: str, street: str, capsys: Capture
) -> None:
    assert asked(street, "--target", target) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) == 1


def test_methods_are_judged_on_boxes(street: str, capsys: Capture) -> None:
    arguments = ["--method", "gradcam,eigencam", "--metric", "area", "--json"]
    command = ["compare", street, "--model", "own_detectors:make", "--target", "dog:0"]
    assert main([*command, *arguments]) == 0
    assert "street.png, dog 0." in Path("camkit-report.html").read_text()
    document = json.loads(capsys.readouterr().out)
    assert document["provenance"]["preprocessing"]["resize"] == "ToTensor"


def test_layers_are_listed_for_a_box(street: str, capsys: Capture) -> None:
    assert main(["layers", "own_detectors:make", "--weights", "DEFAULT", "--target", "dog"]) == 0
    assert "* " in capsys.readouterr().out


def test_texts_are_not_for_detectors(street: str, capsys: Capture) -> None:
    assert asked(street, "--text", "a red car") == 2
    assert "is a model for detection and reads no texts" in capsys.readouterr().err
    assert asked(street, "--text", "a red car", "--target", "dog") == 2
    assert "give --target or --text, not both" in capsys.readouterr().err


def segmented(street: str, *arguments: str) -> int:
    model = ["--model", "lraspp_mobilenet_v3_large", "--weights", "none", "--size", "64"]
    return main(["explain", street, *model, *arguments])


def test_a_class_of_pixels_is_explained(street: str, tmp_path: Path, capsys: Capture) -> None:
    names = tmp_path / "names.txt"
    names.write_text("\n".join(f"thing {number}" for number in range(21)))
    assert segmented(street, "--class-names", str(names), "--json", "--target", "20") in (0, 1)
    assert segmented(street) == 2
    assert "gives a class to each pixel; say which class" in capsys.readouterr().err
    assert segmented(street, "--target", "top1") == 2
    assert "means nothing where each pixel has a class" in capsys.readouterr().err
