"""The lines that the documents show, on small models in place of those that need a network."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from camkit_core.cli import main
from helpers.command_calls import picture
from helpers.stand_ins import detr_folder, tiny_clip, yolo_file

Capture = pytest.CaptureFixture[str]
YOLO = "camkit explain street.jpg --model ultralytics:yolo11n.pt --target dog --boxes"
CLIP = 'camkit explain photo.jpg --model clip:ViT-B-32 --text "a red car"'
DETR = 'camkit explain photo.jpg --model hf:facebook/detr-resnet-50 --target "person:0"'


@pytest.fixture(autouse=True)
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory with two pictures."""
    monkeypatch.chdir(tmp_path)
    for name in ("street.jpg", "photo.jpg"):
        picture(tmp_path / name)


def run(line: str, *more: str) -> int:
    """Run a line as the documents have it."""
    return main([*shlex.split(line)[1:], *more])


def explained(capsys: Capture) -> dict[str, Any]:
    (row,) = json.loads(capsys.readouterr().out)["explanations"]
    assert Image.open(row["picture"]).size > (0, 0)
    return dict(row)


def test_why_this_dog(tmp_path: Path, capsys: Capture) -> None:
    yolo_file(tmp_path / "yolo11n.pt")
    assert run(YOLO, "--json") == 0
    row = explained(capsys)
    assert row["target"].startswith("dog ")
    assert row["renderer"] == "boxes"
    assert row["preprocessing"]["resize"] == "letterbox, grey 114 to multiples of 32"
    assert row["weights"].startswith("yolo11n.pt sha256:")
    assert Path(row["picture"]).name == "street_gradcam_dog_boxes.png"


def test_where_is_a_red_car(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    tiny_clip(monkeypatch)
    assert run(CLIP, "--text", "a tree", "--json") == 0
    rows = json.loads(capsys.readouterr().out)["explanations"]
    assert [row["target"].rpartition(" ")[0] for row in rows] == ["a red car", "a tree"]
    assert rows[0]["weights"] == "ViT-B-32/openai"
    assert Path(rows[0]["picture"]).name == "photo_gradcam_a-red-car.png"


def test_why_this_person(tmp_path: Path, capsys: Capture) -> None:
    detr_folder(tmp_path / "facebook" / "detr-resnet-50")
    assert run(DETR, "--json") == 0
    row = explained(capsys)
    assert row["target"] == next(box for box in row["boxes"] if box.startswith("person "))
    assert row["preprocessing"]["resize"].startswith("DetrImageProcessor, size ")


@pytest.mark.parametrize("line", [YOLO, CLIP, DETR])
def test_without_a_network_each_is_one_line(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def no_network(*args: object, **keywords: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.urlopen", no_network)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *a, **k: None)
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", no_network)
    assert run(line) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert "no route to host" in err


def test_random_weights_need_no_network(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    tiny_clip(monkeypatch)
    torch.manual_seed(0)
    assert run(CLIP, "--weights", "none") == 0
    assert "the weights are random" in capsys.readouterr().err
