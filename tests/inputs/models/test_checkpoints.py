"""Checkpoint files: those that load, and why others are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torchvision
from safetensors.torch import save_file

from camkit_core import load_model
from camkit_core.errors import CamkitError
from helpers.network_files import same_weights, saved, squeezenet, vit


def test_a_safetensors_file_fills_torchvisions_model_and_keeps_its_class_names(
    tmp_path: Path,
) -> None:
    made = squeezenet()
    save_file(made.state_dict(), tmp_path / "w.safetensors")
    loaded = load_model("squeezenet1_1", tmp_path / "w.safetensors")
    assert same_weights(loaded.model, made)
    assert loaded.class_names is not None
    assert loaded.class_names[207] == "golden retriever"
    assert loaded.weights.startswith("w.safetensors sha256:")


def test_a_checkpoint_says_how_many_classes_and_which(tmp_path: Path) -> None:
    made = vit(classes=3)
    path = saved({"model": made.state_dict(), "classes": ["ant", "bee", "cat"]}, tmp_path / "w.pt")
    loaded = load_model("test_vit", path)
    assert same_weights(loaded.model, made)
    assert loaded.class_names == ("ant", "bee", "cat")


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module.model."])
def test_prefixes_of_wrappers_are_stripped(tmp_path: Path, prefix: str) -> None:
    made = squeezenet(4)
    renamed = {prefix + key: value for key, value in made.state_dict().items()}
    path = saved({"state_dict": renamed, "epoch": 3}, tmp_path / "w.pth")
    assert same_weights(load_model("squeezenet1_1", path).model, made)


def test_mnasnet_and_old_densenet_files_load(tmp_path: Path) -> None:
    mnasnet = torchvision.models.get_model("mnasnet0_5")
    save_file(mnasnet.state_dict(), tmp_path / "m.safetensors")
    assert same_weights(load_model("mnasnet0_5", tmp_path / "m.safetensors").model, mnasnet)
    densenet = torchvision.models.get_model("densenet121")
    old = {
        key.replace("norm1", "norm.1").replace("conv2", "conv.2"): value
        for key, value in densenet.state_dict().items()
    }
    assert same_weights(load_model("densenet121", saved(old, tmp_path / "d.pth")).model, densenet)


def test_a_checkpoint_of_another_architecture_is_refused(tmp_path: Path) -> None:
    path = saved(vit().state_dict(), tmp_path / "vit.pth")
    with pytest.raises(CamkitError, match=r"vit\.pth is a checkpoint of another architecture") as e:
        load_model("squeezenet1_1", path)
    assert "missing: features.0.weight" in str(e.value)
    assert "unexpected: cls_token" in str(e.value)


def test_a_wider_relative_is_refused_by_its_shapes(tmp_path: Path) -> None:
    wide = torchvision.models.get_model("mnasnet0_75").state_dict()
    with pytest.raises(
        CamkitError, match=r"of another shape: layers\.0\.weight \(24, 3, 3, 3\) for"
    ):
        load_model("mnasnet0_5", saved(wide, tmp_path / "wide.pth"))


def test_a_missing_checkpoint_is_refused() -> None:
    with pytest.raises(CamkitError, match=r"no checkpoint at 'gone\.pth'; expected DEFAULT, none"):
        load_model("squeezenet1_1", "gone.pth")


def test_a_file_that_needs_code_is_refused_and_runs_none(tmp_path: Path) -> None:
    path = saved(squeezenet(), tmp_path / "whole.pth")
    with pytest.raises(CamkitError, match=r"whole\.pth holds Python objects \(torchvision"):
        load_model("squeezenet1_1", path)


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_a_damaged_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"neither the one nor the other")
    with pytest.raises(CamkitError, match=r"is damaged|not a whole safetensors file"):
        load_model("squeezenet1_1", tmp_path / name)


@pytest.mark.parametrize("content", [[1, 2], {"epoch": 3}])
def test_a_file_without_weights_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(CamkitError, match=r"no weights in w\.pth"):
        load_model("squeezenet1_1", saved(content, tmp_path / "w.pth"))
