"""`camkit list-models`, and the models that a wrong name may mean."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from camkit_core import ListedModel, hookimpl
from camkit_core.cli import main
from camkit_core.inputs.models.sources.listed import clip_models, hub_models, ultralytics_models
from camkit_core.inputs.models.sources.suggestions import close_names, unknown_model
from camkit_core.plugins import Registry, using

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> object:
    """A cache of these tests alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("HF_HUB_CACHE", str(tmp_path_factory.mktemp("hub")))
        yield


def listed(capsys: Capture, *arguments: str) -> dict[str, dict[str, object]]:
    assert main(["list-models", *arguments, "--json"]) == 0
    return {row["model"]: row for row in json.loads(capsys.readouterr().out)["models"]}


def test_models_are_listed_as_the_command_takes_them(capsys: Capture) -> None:
    rows = listed(capsys, "resnet50")
    assert next(iter(rows)) == "resnet50"
    assert rows["resnet50"]["source"] == "torchvision"
    assert rows["resnet50"]["weights"] == ["IMAGENET1K_V2", "IMAGENET1K_V1"]
    assert "a1_in1k" in rows["timm:resnet50"]["weights"]  # type: ignore[operator]
    assert rows["retinanet_resnet50_fpn"]["task"] == "detection"


def test_case_and_separators_of_a_pattern_do_not_count(capsys: Capture) -> None:
    assert listed(capsys, "VIT-B-16").keys() >= {"vit_b_16"}
    assert {"vit_b_16", "clip:ViT-B-16"} <= listed(capsys, "vit_b_1*").keys()
    assert "vit_b_16" not in listed(capsys, "clip:vit_b_1*")


def test_options_choose_by_task_and_weights(capsys: Capture) -> None:
    rows = listed(capsys, "--task", "segmentation", "--with-weights")
    assert {"fcn_resnet50", "lraspp_mobilenet_v3_large"} <= rows.keys()
    assert all(row["task"] == "segmentation" and row["weights"] for row in rows.values())


def test_a_pattern_that_fits_nothing_is_an_error_with_a_suggestion(capsys: Capture) -> None:
    assert main(["list-models", "resnt18"]) == 2
    assert "no model fits 'resnt18'. Did you mean resnet18?" in capsys.readouterr().err


def test_a_library_whose_files_are_read_has_the_models_that_it_says(capsys: Capture) -> None:
    clip = {each.name: each for each in clip_models()}
    assert clip["ViT-B-32"].weights[0] == "openai"
    assert clip["ViT-B-32-quickgelu"].weights
    yolo = {each.name: each for each in ultralytics_models()}
    assert yolo["yolo11n.pt"].task == "detection"
    assert yolo["yolo11n-cls.pt"].task == "classification"
    assert yolo["yolo11.yaml"].weights == ()


def test_models_in_the_hubs_cache_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in (("models--a--b", '{"architectures": ["X"]}'), ("models--timm--c", "{}")):
        folder = tmp_path / name / "snapshots" / "1"
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(text)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert [each.name for each in hub_models()] == ["a/b"]


def of_lab() -> list[ListedModel]:
    return [ListedModel("tiny", "classification", ("v1",))]


def test_a_source_of_another_package_lists_its_models(capsys: Capture) -> None:
    def lab(name: str) -> None: ...

    def silent(name: str) -> None: ...

    lab.models = f"{__name__}:of_lab"  # type: ignore[attr-defined]
    registry = Registry()
    registry.register(SimpleNamespace(camkit_sources=hookimpl(lambda: [lab, silent])))
    with using(registry):
        assert main(["list-models", "lab:"]) == 0
    assert capsys.readouterr().out == "lab:tiny  classification  v1\n"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("vit", "Did you mean 'vit_b_16'"),
        ("ResNet50", "Did you mean 'resnet50'?"),
        ("ViT-B-16", "Did you mean 'vit_b_16' or 'clip:ViT-B-16'?"),
        ("yolo11n.pt", "'ultralytics:yolo11n.pt'?"),
        ("facebook/detr-resnet-50", "write --model hf:facebook/detr-resnet-50."),
        ("mypackage.models.make", "write --model mypackage.models:make."),
        ("resnet50.a1", "'resnet50.a1_in1k'"),
        ("torchvision:resnet50.imagenet", "'resnet50.IMAGENET1K_V1'"),
        ("torchvision:vgg", "'vgg11'"),
        ("weights.pth", "--model NAME --weights weights.pth."),
    ],
)
def test_a_wrong_name_is_told_with_what_may_be_meant(
    name: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.pth").write_bytes(b"")
    assert expected in str(unknown_model(name))


def test_names_with_the_word_in_them_come_before_those_that_look_alike() -> None:
    assert close_names("net", ["bet", "resnet", "netted"]) == ["netted"]
    assert close_names("", ["a"]) == []
