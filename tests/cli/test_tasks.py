"""The command on detectors and on models that segment: what `--target` means to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from camkit_core import load_model
from camkit_core.cli import main
from camkit_core.cli.compare_images import _metrics
from helpers.command_calls import picture
from helpers.hub_folders import detector, segmenter, text_image

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def street(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A picture in the working directory, and there a detector, `hf:boxes`."""
    monkeypatch.chdir(tmp_path)
    detector(tmp_path / "boxes")
    return picture(tmp_path / "street.png")


def asked(street: str, *arguments: str) -> int:
    return main(["explain", street, "--model", "hf:boxes", *arguments])


def explained(capsys: Capture) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["explanations"]
    return rows


def test_without_a_target_the_three_best_boxes_are_explained(street: str, capsys: Capture) -> None:
    assert asked(street, "--json") == 0
    rows = explained(capsys)
    assert [row["target"] for row in rows] == rows[0]["boxes"][:3]
    assert rows[0]["preprocessing"]["size"] == [48, 48]
    assert rows[0]["preprocessing"]["resize"].startswith("DetrImageProcessor, size ")


def test_a_box_is_named_by_its_class_and_place(street: str, capsys: Capture) -> None:
    assert asked(street, "--json") == 0
    boxes = explained(capsys)[0]["boxes"]
    first = boxes[0].split()[0]
    others = [box for box in boxes if box.split()[0] == first]
    assert asked(street, "--json", "--target", f"{first},{first.upper()}:1,:2") == 0
    rows = explained(capsys)
    assert [row["target"] for row in rows] == list(dict.fromkeys([*others[:2], boxes[2]]))
    assert Path(rows[0]["picture"]).name == f"street_gradcam_{first}.png"


def test_boxes_are_drawn(street: str, capsys: Capture) -> None:
    assert asked(street, "--target", ":0", "--boxes", "--json") == 0
    (row,) = explained(capsys)
    assert row["renderer"] == "boxes"
    assert Path(row["picture"]).is_file()


def test_what_it_does_not_find_is_that_images_failure(street: str, capsys: Capture) -> None:
    assert asked(street, "--target", "dog:9999") == 1
    assert "the detector finds no object 9999 of class 1: there are " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("cow", "no class named 'cow'. Known: cat, dog, pug"),
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
    arguments = ["--method", "gradcam", "--metric", "average_drop", "--json"]
    assert main(["compare", street, "--model", "hf:boxes", *arguments]) == 0
    page = Path("camkit-report.html").read_text()
    assert any(f"street.png, {pet} 0." in page for pet in ("cat", "dog", "pug"))
    document = json.loads(capsys.readouterr().out)
    assert document["provenance"]["preprocessing"]["mean"] == [0.485, 0.456, 0.406]


def test_layers_are_listed_for_a_box(street: str, capsys: Capture) -> None:
    assert main(["layers", "hf:boxes", "--weights", "DEFAULT", "--target", ":0"]) == 0
    assert "* vit.encoder.layer.1.layernorm_before" in capsys.readouterr().out


def test_texts_are_not_for_detectors(street: str, capsys: Capture) -> None:
    assert asked(street, "--text", "a red car") == 2
    assert "is a model for detection and reads no texts" in capsys.readouterr().err
    assert asked(street, "--text", "a red car", "--target", "dog") == 2
    assert "give --target or --text, not both" in capsys.readouterr().err


def test_a_class_of_pixels_is_explained(street: str, tmp_path: Path, capsys: Capture) -> None:
    segmenter(tmp_path / "pixels")
    command = ["explain", street, "--model", "hf:pixels"]
    loaded = load_model("hf:pixels")
    images = loaded.preprocess(np.asarray(Image.open(street).convert("RGB")))[None]
    found = int(loaded.model(images).logits[0, :, 0, 0].argmax())
    assert main([*command, "--target", ("cat", "dog", "pug")[found]]) == 0
    assert main(command) == 2
    assert "gives a class to each pixel; say which class" in capsys.readouterr().err
    assert main([*command, "--target", "top1"]) == 2
    assert "means nothing where each pixel has a class" in capsys.readouterr().err


def test_texts_are_judged_without_probabilities(street: str, tmp_path: Path) -> None:
    text_image(tmp_path / "words")
    command = ["compare", street, "--model", "hf:words", "--text", "a red car"]
    assert main([*command, "--method", "gradcam", "--metric", "area"]) == 0
    assert "street.png, a red car" in Path("camkit-report.html").read_text()
    without, usual = (_metrics(load_model(f"hf:{name}")) for name in ("words", "boxes"))
    assert without == ["sensitivity", "area"]
    assert usual == ["insertion", "deletion", "average_drop", "area"]
