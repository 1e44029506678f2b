"""Models by name: their weights, preprocessing and class names, and what can go wrong."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import timm
import torch
import torchvision
from torch import nn

from camkit_core import load_model
from camkit_core.errors import CamkitError, FileError, UnknownName
from camkit_core.inputs.models.sources import torchvision_models
from helpers.network_files import same_weights, saved, squeezenet, vit

PICTURE = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)


def test_a_name_both_libraries_know_is_torchvisions_unless_said_otherwise() -> None:
    kinds = [type(load_model(name, "none").model) for name in ("resnet18", "timm:resnet18")]
    assert kinds == [torchvision.models.ResNet, timm.models.ResNet]


def test_an_unknown_model_is_refused_with_close_names() -> None:
    with pytest.raises(UnknownName, match=r"no model named 'resnt50'\. Did you mean 'resnet50'"):
        load_model("resnt50")
    with pytest.raises(UnknownName, match="no model named 'torchvision:test_vit'"):
        load_model("torchvision:test_vit")
    with pytest.raises(UnknownName, match=r"no model named 'resnet18\.nope'"):
        load_model("resnet18.nope")
    with pytest.raises(UnknownName, match=r"or 'convnext_tiny\.fb_in22k_ft_in1k'"):
        load_model("convnext_tiny_in22ft1k")


def test_random_weights_repeat_and_leave_the_random_state_alone() -> None:
    state = torch.get_rng_state()
    models = [load_model("timm:test_resnet", "none") for _ in range(2)]
    assert same_weights(models[0].model, models[1].model)
    assert torch.equal(torch.get_rng_state(), state)
    assert not models[0].model.training
    assert models[0].class_names[7] == "cock"  # names need no weights


@pytest.mark.parametrize(("name", "side"), [("squeezenet1_1", 224), ("timm:test_vit", 160)])
def test_the_weights_own_preprocessing_is_used_and_undone(name: str, side: int) -> None:
    loaded = load_model(name, "none")
    tensor = loaded.preprocess(PICTURE)
    shown = loaded.picture(tensor)
    assert tensor.shape == (3, side, side)
    assert shown.shape == (side, side, 3)
    assert shown.dtype == np.uint8
    assert abs(float(shown.mean()) - float(PICTURE.mean())) < 2


def test_size_and_colours_can_be_given_for_weights_that_need_others() -> None:
    loaded = load_model("squeezenet1_1", "none", size=[48, 64], mean=[0.5], std=[0.5, 0.5, 0.25])
    flat = np.full((48, 64, 3), 255, dtype=np.uint8)
    assert loaded.preprocess(flat).amax((1, 2)).tolist() == [1, 1, 2]
    assert np.array_equal(loaded.picture(loaded.preprocess(flat)), flat)
    with pytest.raises(CamkitError, match="expected std as one or three numbers above zero"):
        load_model("squeezenet1_1", "none", std=[0.0])


def test_class_names_come_from_a_text_file_and_must_fit(tmp_path: Path) -> None:
    path, names = saved(vit(3).state_dict(), tmp_path / "w.pth"), tmp_path / "names.txt"
    names.write_text("ant\nbee\ncat\n")
    assert load_model("test_vit", path, class_names=names).class_names == ("ant", "bee", "cat")
    with pytest.raises(CamkitError, match="2 class names for a model with 3 classes"):
        load_model("test_vit", path, class_names=["ant", "bee"])
    with pytest.raises(CamkitError, match=r"cannot read class names from 'gone\.txt'"):
        load_model("test_vit", path, class_names="gone.txt")


def no_network(*args: object, **keywords: object) -> None:
    raise URLError("no route to host")


def test_no_network_for_torchvisions_default_weights_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.urlopen", no_network)
    with pytest.raises(CamkitError, match=r"no route to host\); give a checkpoint file"):
        load_model("squeezenet1_1")


def test_default_weights_that_were_downloaded_before_need_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, best = squeezenet(), torchvision.models.SqueezeNet1_1_Weights.DEFAULT
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    saved(made.state_dict(), tmp_path / "hub" / "checkpoints" / Path(best.url).name)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.urlopen", no_network)
    loaded = load_model("squeezenet1_1")
    assert same_weights(loaded.model, made)
    assert loaded.weights == "SqueezeNet1_1_Weights.IMAGENET1K_V1"


@pytest.mark.parametrize("content", [b"", b"hello", b"<html>", b"PK\x03\x04" + bytes(50)])
def test_a_damaged_download_from_before_is_one_error_that_names_the_file(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    best = torchvision.models.SqueezeNet1_1_Weights.DEFAULT
    kept = tmp_path / "hub" / "checkpoints" / Path(best.url).name
    kept.parent.mkdir(parents=True)
    kept.write_bytes(content)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(FileError, match=f"could not be loaded .* delete {kept}, and they are"):
        load_model("squeezenet1_1")


def test_no_network_for_timms_default_weights_fails_before_any_retry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *a, **k: None)
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", no_network)
    monkeypatch.setattr("timm.create_model", None)
    with pytest.raises(CamkitError, match=r"DEFAULT weights of test_vit could not be downloaded"):
        load_model("test_vit")


def test_timms_default_weights_come_with_imagenets_names(monkeypatch: pytest.MonkeyPatch) -> None:
    build = timm.create_model
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *a, **k: "/cached")
    monkeypatch.setattr("timm.create_model", lambda name, pretrained: build(name))
    loaded = load_model("test_vit.r160_in1k")
    assert loaded.weights == "timm/test_vit.r160_in1k"
    assert loaded.class_names is not None
    assert loaded.class_names[0] == "tench, Tinca tinca"


def test_a_model_without_weights_or_classifier_says_so() -> None:
    with pytest.raises(CamkitError, match="timm has no weights for coatnet_0_224"):
        load_model("coatnet_0_224")
    with pytest.raises(CamkitError, match="vit_small_patch14_dinov2 has no classifier"):
        load_model("vit_small_patch14_dinov2", "none")


def test_a_module_of_your_own_makes_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "from torch import nn\ndef net(): return nn.Conv2d(3, 4, 1)\ndef bad(): return 3\n"
    (tmp_path / "own_models.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    made = saved(nn.Conv2d(3, 4, 1).state_dict(), tmp_path / "w.pth")
    loaded = load_model("own_models:net", made)
    assert torch.equal(loaded.model.state_dict()["weight"], torch.load(made)["weight"])
    assert loaded.preprocess(PICTURE).shape == (3, 224, 224)
    assert load_model("own_models:net").weights == "as own_models:net returns them"
    with pytest.raises(CamkitError, match=r"own_models:bad\(\) returned int; expected a torch"):
        load_model("own_models:bad")
    with pytest.raises(CamkitError, match="no function 'gone' in module own_models"):
        load_model("own_models:gone")


def test_nothing_is_imported_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stranger.py").write_text("raise SystemExit('ran')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    with pytest.raises(CamkitError, match="no module named 'stranger'; install it, or put its"):
        load_model("stranger:net")


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(CamkitError, match="no device 'abacus' here"):
        load_model("squeezenet1_1", "none", device="abacus")


def test_weights_of_torchvision_are_named_behind_the_model() -> None:
    named = [torchvision_models.torchvision(n) for n in ("resnet50.IMAGENET1K_V1", "resnet50")]
    resized = [each.preprocessing.how.split(",")[0] for each in named if each.preprocessing]
    assert resized == ["shorter side to 256", "shorter side to 232"]
    for name in ("resnet50.IMAGENET1K_V9", "resnet50.", "resnet50.DEFAULT.x"):
        with pytest.raises(UnknownName, match="Did you mean 'resnet50"):
            torchvision_models.torchvision(name)


def test_a_transformer_is_built_for_the_size_of_its_weights() -> None:
    loaded = load_model("vit_b_16.IMAGENET1K_SWAG_E2E_V1", "none")
    assert loaded.prepared["size"] == [384, 384]
    assert loaded.model.image_size == 384
