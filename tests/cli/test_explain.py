"""The command: what it writes, and what it prints where."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

import camkit_core
from camkit_core.cli import main
from helpers.command_calls import explain, names, picture

Capture = pytest.CaptureFixture[str]
RUN = "import sys; from camkit_core.cli import main; sys.exit(main())"
ROOT = str(Path(camkit_core.__file__).parents[1])


def test_one_image_gives_one_picture_and_one_line(dog: str, capsys: Capture) -> None:
    assert explain(dog, "--target", "7") == 0
    written = Path("camkit-output/dog_gradcam_cock.png")
    out, err = capsys.readouterr()
    assert out.startswith(f"{dog}  cock ")
    assert out.endswith(f"  gradcam  {written}\n")
    assert "the weights are random" in err
    assert Image.open(written).size == (64, 64)


def test_a_picture_carries_where_it_comes_from(dog: str, tmp_path: Path) -> None:
    assert explain(dog, "--target", "ant", "--class-names", names(tmp_path)) == 0
    carried = json.loads(Image.open("camkit-output/dog_gradcam_ant.png").info["camkit"])
    expected = {
        "image": "dog.png",
        "model": "resnet18",
        "weights": "none: random, seed 0",
        "method": "gradcam",
        "layers": ["layer4.1"],
        "class": "ant",
        "target": 0,
        "torch": torch.__version__,
    }
    assert carried | expected == carried
    assert {"score", "notes", "camkit"} <= carried.keys()


def test_pictures_are_drawn_on_the_original_or_on_the_input(dog: str) -> None:
    Image.open(dog).resize((90, 70)).save("wide.png")
    for on, size in (("original", (90, 70)), ("input", (64, 64))):
        assert explain("wide.png", "--target", "7", "--draw-on", on, "--output", f"{on}.png") == 0
        assert Image.open(f"{on}.png").size == size
    carried = json.loads(Image.open("original.png").info["camkit"])
    assert carried["original"]["size"] == [70, 90]
    assert carried["original"]["box"] == pytest.approx([14.4, 4.4, 75.6, 65.6], abs=0.3)


def test_methods_and_targets_are_all_explained_and_named(dog: str, tmp_path: Path) -> None:
    arguments = ["--method", "gradcam,xgradcam", "--target", "ant,3,class 9"]
    assert explain(dog, *arguments, "--class-names", names(tmp_path), "--output", "o") == 0
    classes = ("ant", "class-2", "class-9")
    expected = {f"dog_{m}_{c}.png" for m in ("gradcam", "xgradcam") for c in classes}
    assert {path.name for path in Path("o").iterdir()} == expected


def test_top3_are_the_three_highest_classes(dog: str, capsys: Capture) -> None:
    assert explain(dog, "--target", "top3,top1", "--json") == 0
    rows = json.loads(capsys.readouterr().out)["explanations"]
    scores = [row["score"] for row in rows]
    assert len({row["target"] for row in rows}) == 3
    assert scores == sorted(scores, reverse=True)
    assert explain(dog, "--json") == 0
    (top,) = json.loads(capsys.readouterr().out)["explanations"]
    assert top["target"] == rows[0]["target"]


def test_json_is_one_document_with_a_file_beside_each_picture(dog: str, capsys: Capture) -> None:
    assert explain(dog, "--target", "7", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    (entry,) = document["explanations"]
    beside = json.loads(Path("camkit-output/dog_gradcam_cock.json").read_text())
    assert document["failed"] == []
    assert (entry["image"], entry["picture"]) == (dog, "camkit-output/dog_gradcam_cock.png")
    assert {**entry, "image": "dog.png"} == {**beside, "picture": entry["picture"]}


def test_images_that_share_a_name_get_files_of_their_own(dog: str, tmp_path: Path) -> None:
    other = picture(tmp_path / "b" / "Dog.png", seed=1)
    assert explain(dog, other, "--target", "7") == 0
    files = sorted(path.name for path in Path("camkit-output").iterdir())
    assert files == ["Dog-2_gradcam_cock.png", "dog_gradcam_cock.png"]


def test_a_folder_stands_for_its_pictures(dog: str, tmp_path: Path, capsys: Capture) -> None:
    for name in ("one.png", "two.jpg"):
        picture(tmp_path / "photos" / name)
    (tmp_path / "photos" / "read.me").write_text("no picture")
    assert explain("photos", "--target", "7") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["photos/one.png", "photos/two.jpg"]


def test_raw_values_and_guided_pictures_are_written(dog: str) -> None:
    assert explain(dog, "--target", "7", "--renderer", "raw", "--guided") == 0
    folder = Path("camkit-output")
    assert {path.name for path in folder.iterdir()} == {
        "dog_gradcam_cock.npz",
        "dog_gradcam_cock_guided.png",
    }
    assert np.load(folder / "dog_gradcam_cock.npz")["cam"].shape == (1, 2, 2)


def test_options_smoothing_and_layers_reach_the_engine(dog: str, capsys: Capture) -> None:
    arguments = [
        "--method",
        "scorecam",
        "--set",
        "variant=official",
        "--set",
        "max_channels=8",
        "--layer",
        "layer4.0,layer4.1",
    ]
    assert explain(dog, "--target", "7", *arguments, "--json", "--batch-size", "64") == 0
    (entry,) = json.loads(capsys.readouterr().out)["explanations"]
    assert entry["options"] == {"variant": "official", "max_channels": 8}
    assert entry["layers"] == ["layer4.0", "layer4.1"]


def test_a_checkpoints_own_classes_can_be_asked_for(dog: str, tmp_path: Path) -> None:
    model = torchvision.models.get_model("resnet18", num_classes=2)
    content = {"state_dict": model.state_dict(), "classes": ["cat", "wild dog"]}
    torch.save(content, tmp_path / "w.pth")
    assert explain(dog, "--target", "WILD", weights="w.pth") == 0
    assert Path("camkit-output/dog_gradcam_wild-dog.png").exists()


def test_help_shows_examples_and_version_a_version(capsys: Capture) -> None:
    assert main(["explain", "--help"]) == 0
    assert "camkit explain dog.jpg --model resnet50" in capsys.readouterr().out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("camkit ")


def test_the_command_runs_from_a_shell(tmp_path: Path) -> None:
    image = picture(tmp_path / "dog.png")
    arguments = ["explain", image, "--model", "squeezenet1_1", "--weights", "none", "--size", "64"]
    done = subprocess.run(
        [sys.executable, "-c", RUN, *arguments, "--layer", "features.12", "--target", "7"],
        cwd=tmp_path,
        env={"PYTHONPATH": ROOT, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 1), done.stderr


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    code = RUN.replace("sys.exit(main())", "main(['--help']); print(*sys.modules, sep='\\n')")
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        check=True,
    )
    imported = set(done.stdout.splitlines())
    assert "camkit_core.cli" in imported
    assert not {"torch", "torchvision", "timm", "numpy", "PIL", "cv2"} & imported


def test_layers_lists_the_candidates_and_marks_the_default(capsys: Capture) -> None:
    assert main(["layers", "squeezenet1_1", "--size", "64x96"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (default,) = [line for line in lines if line.startswith("*")]
    assert default.split() == ["*", "classifier.0", "NCHW", "3x5", "512", "channels", *REACHED]
    assert any("features.0 " in line for line in lines)


REACHED = ["gradient", "100%"]


def test_layers_as_json(capsys: Capture) -> None:
    assert main(["layers", "timm:vit_tiny_patch16_224", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["default"] == "blocks.11.norm1"
    (row,) = [row for row in document["layers"] if row["name"] == document["default"]]
    assert row == {
        "name": row["name"],
        "layout": "NLC 1 + 14x14",
        "channels": 192,
        "reach": 1.0,
        "places": None,
        "reason": "",
    }
    (after,) = [row for row in document["layers"] if row["name"] == "blocks.11.norm2"]
    assert after["reach"] < 0.1


def test_layers_of_no_model_is_one_line_and_2(capsys: Capture) -> None:
    assert main(["layers", "resnet5000"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_part_of_what_the_model_returns_is_named(
    dog: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "from helpers.class_scores import net\nmake = lambda: net(lambda y: {'a': -y, 'b': y})"
    (tmp_path / "two_heads.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    arguments = [dog, "--model", "two_heads:make", "--size", "16", "--target", "2"]
    records = []
    for part in ("a", "b"):
        assert main(["explain", *arguments, "--model-output", part, "--json"]) == 0
        records.append(json.loads(next(Path("camkit-output").glob("*.json")).read_text()))
    assert [record["output"] for record in records] == ["a", "b"]


def test_a_model_without_classes_is_explained_by_methods_that_ask_for_none(
    dog: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    code = "from torch import nn\nmake = lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())"
    (tmp_path / "features.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    arguments = ["explain", dog, "--model", "features:make", "--size", "16", "--layer", "1"]
    assert main([*arguments, "--method", "eigencam", "--json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)["explanations"]
    assert Path(record["picture"]).exists()
    assert (record["class"], record["target"], record["score"]) == (None, "no class", None)
    assert main([*arguments, "--method", "gradcam"]) == 2
    assert "expected class scores (N, K) from the model, got" in capsys.readouterr().err
