"""Models of ultralytics by name: architectures, and checkpoints whose pickles are not run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ultralytics.nn import tasks

from camkit_core import load_model
from camkit_core.errors import CamkitError, FileError, InputError, UnknownName
from camkit_core.inputs.models.class_names import names_in
from camkit_core.inputs.models.sources.ultralytics_models import ultralytics
from helpers.network_files import same_weights

PICTURE = np.full((60, 90, 3), (200, 100, 30), np.uint8)


def settings(head: str = "Detect, [nc]", extra: str = "") -> str:
    """An architecture of one convolution and a head."""
    return f"nc: 3\n{extra}backbone:\n  - [-1, 1, Conv, [8, 3, 2]]\nhead:\n  - [[0], 1, {head}]\n"


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with tiny.yaml, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(settings())
    return tmp_path


def checkpoint(**others: Any) -> Any:
    """A checkpoint as ultralytics writes it after training, with names."""
    torch.manual_seed(1)
    model = tasks.DetectionModel("tiny.yaml", verbose=False).half()
    model.names = {0: "cat", 1: "dog", 2: "pug"}
    torch.save({"epoch": 1, "model": None, "ema": model, **others}, "best.pt")
    return model.float()


def test_a_checkpoint_is_read_without_running_it(tiny: Path) -> None:
    trained = checkpoint(train_args={"imgsz": 96})
    loaded = load_model("ultralytics:best.pt")
    assert type(loaded.model) is tasks.DetectionModel
    assert same_weights(loaded.model, trained)
    assert names_in(loaded.model) == ("cat", "dog", "pug")
    assert loaded.task == "detection"
    assert loaded.prepared["size"] == [96, 96]
    assert loaded.weights.startswith("best.pt sha256:")
    images = torch.rand(1, 3, 64, 64)
    assert torch.equal(loaded.model(images)[0], trained.eval()(images)[0])


def test_it_computes_what_was_trained_with_any_normalisation(tiny: Path) -> None:
    torch.manual_seed(1)
    model = tasks.DetectionModel("tiny.yaml", verbose=False)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eps = 0.5
    torch.save({"model": model}, "best.pt")
    images = torch.rand(1, 3, 64, 64)
    loaded = load_model("ultralytics:best.pt").model
    assert torch.equal(loaded(images)[0], model.eval()(images)[0])


class Runs:
    def __reduce__(self) -> Any:
        return os.mkdir, ("ran",)


@pytest.mark.parametrize("where", ["beside", "names"])
def test_code_in_a_checkpoint_is_not_run(where: str, tiny: Path) -> None:
    if where == "beside":
        checkpoint(optimizer=Runs())
    else:
        model = tasks.DetectionModel("tiny.yaml", verbose=False)
        model.names = Runs()
        torch.save({"model": model}, "best.pt")
    with pytest.raises(FileError, match=r"would call \w+\.mkdir .* do not use this file"):
        load_model("ultralytics:best.pt")
    assert not Path("ran").exists()


EVIL = {
    "an activation": settings(extra="activation: __import__('os').mkdir('ran')\n"),
    "an activation with a call inside": settings(
        extra="activation: torch.nn.ReLU(inplace=__import__('os').mkdir('ran'))\n"
    ),
    "a function in place of a layer": settings("load_checkpoint, ['evil.pt']"),
    "what is no name": settings("[1], [nc]"),
    "a layer that is none": settings("Nonsense, [nc]"),
    "no head": "nc: 3\nbackbone: []\n",
}


@pytest.mark.parametrize("text", EVIL.values(), ids=EVIL)
def test_settings_are_layers_and_nothing_else(text: str, tiny: Path) -> None:
    Path("evil.yaml").write_text(text)
    with pytest.raises(InputError, match="no architecture that ultralytics builds"):
        load_model("ultralytics:evil.yaml", "none")
    assert not Path("ran").exists()


def test_settings_with_a_plain_activation_are_built(tiny: Path) -> None:
    Path("relu.yaml").write_text(settings(extra="activation: torch.nn.LeakyReLU(0.1)\n"))
    with pytest.raises(InputError, match="is no layer of torch"):
        load_model("ultralytics:relu.yaml", "none")  # an argument without a name
    Path("relu.yaml").write_text(settings(extra="activation: nn.ReLU(inplace=True)\n"))
    model = load_model("ultralytics:relu.yaml", "none").model
    assert any(isinstance(module, torch.nn.ReLU) for module in model.modules())


def test_an_architecture_has_random_weights_or_those_of_a_file(tiny: Path) -> None:
    with pytest.raises(InputError, match=r"an architecture without weights; .*--weights none"):
        load_model("ultralytics:tiny.yaml")
    made = load_model("ultralytics:tiny.yaml", "none").model
    torch.save(made.state_dict(), "w.pth")
    assert same_weights(load_model("ultralytics:tiny.yaml", "w.pth").model, made)


def test_pictures_are_letterboxed_as_ultralytics_does(tiny: Path) -> None:
    loaded = load_model("ultralytics:tiny.yaml", "none")
    made = loaded.preprocess(PICTURE)
    assert made.shape == (3, 448, 640)  # 427 rows, and grey to a multiple of 32
    seen = loaded.picture(made)
    assert seen[0, 0].tolist() == seen[-1, -1].tolist() == [114, 114, 114]
    assert seen[224, 320].tolist() == [200, 100, 30]
    sized = load_model("ultralytics:tiny.yaml", "none", size=[64, 96])
    assert sized.preprocess(PICTURE).shape == (3, 64, 96)
    assert sized.prepared["resize"] == "letterbox, grey 114"


def test_a_classifier_has_the_preprocessing_of_classifiers(tiny: Path) -> None:
    Path("tiny-cls.yaml").write_text(settings("Classify, [nc]").replace("[[0], 1", "[-1, 1"))
    loaded = load_model("ultralytics:tiny-cls.yaml", "none")
    assert loaded.task == "classification"
    assert loaded.preprocess(PICTURE).shape == (3, 224, 224)


def test_its_own_models_need_the_network_for_their_weights_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*args: object, **keywords: object) -> None:
        raise OSError("no route to host")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.urlopen", no_network)
    with pytest.raises(FileError, match=r"yolo11n\.pt could not be downloaded .*no route to host"):
        load_model("ultralytics:yolo11n.pt")
    assert ultralytics("yolo11n").task == "detection"  # its architecture is in the library


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("yolo11nn.pt", r"no file 'yolo11nn\.pt', .* Did you mean 'yolo11n\.pt'"),
        ("yolo99.yaml", "the settings 'yolo99.yaml' cannot be read"),
        ("https://x.org/y.yaml", "it is an address, and no file"),
        ("w.pt", r"w\.pt is no checkpoint of ultralytics: .* --weights w\.pt"),
        ("", "no file"),
        ("x" * 5000, "no file"),
        ("~nobody-of-that-name/x.pt", "no file"),
    ],
)
def test_any_other_name_is_one_clear_error(name: str, said: str, tiny: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, "w.pt")
    with pytest.raises(CamkitError, match=said) as error:
        load_model(f"ultralytics:{name}")
    assert isinstance(error.value, (UnknownName, FileError))


def test_detectors_with_a_class_of_their_own_are_told_by_the_head() -> None:
    loaded = load_model("ultralytics:rtdetr-l.yaml", "none")
    assert type(loaded.model) is tasks.RTDETRDetectionModel
    made = loaded.preprocess(PICTURE)
    assert made.shape == (3, 640, 640)  # without bars
    assert loaded.picture(made)[0, 0].tolist() == [200, 100, 30]
    with pytest.raises(InputError, match=r"reads its classes as words, .* package\.module:factory"):
        load_model("ultralytics:yolov8s-world.yaml", "none")


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_a_damaged_checkpoint_is_one_clear_error(cut: float, tiny: Path) -> None:
    checkpoint()
    whole = Path("best.pt").read_bytes()
    Path("best.pt").write_bytes(whole[: int(len(whole) * cut)])
    with pytest.raises(FileError, match=r"best\.pt"):
        load_model("ultralytics:best.pt")
