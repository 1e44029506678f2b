"""How the command fails: one line each, the right exit code, and nothing half done."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision

from camkit_core.cli import main
from helpers.command_calls import explain, names, picture

Capture = pytest.CaptureFixture[str]


def fails(capsys: Capture, code: int, expected: str) -> None:
    assert code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("camkit: error: ")
    assert expected in err


def test_an_unreadable_image_does_not_stop_the_others(
    dog: str, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    other = picture(tmp_path / "cat.png", seed=1)
    assert explain(dog, "bad.jpg", other, "--target", "7") == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert "camkit: error: bad.jpg: " in err
    assert err.splitlines()[-1].startswith("camkit: 2 of 3 images explained; failed: bad.jpg (")


def test_no_model_is_loaded_when_no_image_can_be_read(
    dog: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("camkit_core.cli.common.model.load_model", None)
    assert explain("gone.png") == 1
    assert "camkit: 0 of 1 images explained; failed: gone.png (" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_named_once_and_the_one_beside_it_is_asked_about(
    dog: str, capsys: Capture
) -> None:
    gone = dog.replace("dog", "dgo")
    assert explain(gone) == 1
    first = capsys.readouterr().err.splitlines()[0]
    assert first.count(gone) == 1
    assert first.endswith(f"Did you mean {dog!r}?")


def test_a_method_among_the_pictures_is_told_where_it_belongs(dog: str, capsys: Capture) -> None:
    assert explain("gradcam++") == 1
    assert "a method, not a file; several are one word: --method " in capsys.readouterr().err


def test_what_a_model_raises_on_an_image_is_that_images_failure(
    dog: str, tmp_path: Path, capsys: Capture
) -> None:
    arguments = ["--model", "vit_b_32", "--weights", "none", "--size", "64", "--device", "cpu"]
    assert main(["explain", dog, *arguments]) == 1
    assert "camkit: error:" in capsys.readouterr().err


def test_an_unknown_method_is_refused_with_a_suggestion(
    dog: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("camkit_core.cli.common.model.load_model", None)
    fails(capsys, explain(dog, "--method", "gradcma"), "Did you mean 'gradcam'?")


def test_an_unknown_renderer_or_option_is_refused_before_the_model_is_loaded(
    dog: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("camkit_core.cli.common.model.load_model", None)
    fails(capsys, explain(dog, "--renderer", "overly"), "Did you mean 'overlay'?")
    fails(capsys, explain(dog, "--set", "depth=3"), "no option of gradcam named 'depth'")
    fails(capsys, explain(dog, "--set", "depth"), "expected --set name=value, got 'depth'")


def test_an_unknown_model_is_refused(dog: str, capsys: Capture) -> None:
    fails(capsys, main(["explain", dog, "--model", "resnt18"]), "Did you mean 'resnet18'")


def test_an_unknown_class_is_refused(dog: str, tmp_path: Path, capsys: Capture) -> None:
    arguments = ["--target", "aunt", "--class-names", names(tmp_path)]
    assert explain(dog, *arguments) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("camkit: error: no class named 'aunt'. Did you mean 'ant'?")


def test_a_class_out_of_range_or_an_unknown_layer_ends_the_run(dog: str, capsys: Capture) -> None:
    assert explain(dog, dog, "--target", "1000") == 2
    assert "target 1000 is out of range" in capsys.readouterr().err.splitlines()[-1]
    assert explain(dog, "--layer", "layer9") == 2
    assert "has no layer 'layer9'" in capsys.readouterr().err.splitlines()[-1]


def test_a_missing_checkpoint_is_refused(dog: str, capsys: Capture) -> None:
    fails(capsys, explain(dog, weights="gone.pth"), "no checkpoint at 'gone.pth'")


def test_a_checkpoint_of_another_architecture_is_refused(dog: str, capsys: Capture) -> None:
    torch.save(torchvision.models.get_model("squeezenet1_1").state_dict(), "other.pth")
    fails(capsys, explain(dog, weights="other.pth"), "checkpoint of another architecture")


def test_no_network_for_default_weights_is_one_line(
    dog: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*arguments: object, **keywords: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", no_network)
    fails(capsys, explain(dog, weights="DEFAULT"), "could not be downloaded")


def test_an_output_folder_that_cannot_be_written_is_refused(
    dog: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("camkit_core.cli.common.model.load_model", None)
    fails(capsys, explain(dog, "--output", f"{dog}/below"), "cannot write to output folder")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["explain"], "photo.jpg --model resnet50"),
        (["explain", "a.png", "--model", "m", "--batch-size", "0"], "expected a number from 1 on"),
        (["explain", "a.png", "--model", "m", "--mean", "x"], "expected one or three numbers"),
        (["explain", "a.png", "--model", "m", "--bogus"], "--bogus"),
    ],
)
def test_wrong_usage_is_one_line(arguments: list[str], expected: str, capsys: Capture) -> None:
    fails(capsys, main(arguments), expected)


def test_without_a_command_the_help_is_printed(capsys: Capture) -> None:
    assert main([]) == 0
    assert "usage: camkit" in capsys.readouterr().out


def test_an_interrupted_run_ends_with_130_and_leaves_no_half_file(
    dog: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: object, **keywords: object) -> None:
        Path(str(arguments[1])).write_bytes(b"half a pic")
        raise KeyboardInterrupt

    monkeypatch.setattr("camkit_core.cli.common.pictures.write_picture", interrupted)
    assert explain(dog) == 130
    assert list(Path("camkit-output").iterdir()) == []
    assert capsys.readouterr().err.splitlines()[-1] == "camkit: interrupted"
