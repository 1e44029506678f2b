"""One prediction explained, and saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.models import VisionTransformer

from helpers.torchcam_situations import Library, hook_count


class Net(nn.Module):
    """Counts its runs; its output can be changed."""

    def __init__(self, change: Any = None) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU())
        self.head, self.runs = nn.Linear(4, 3), 0
        self.change = change or (lambda output, runs: output)

    def forward(self, images: Tensor) -> Any:
        self.runs += 1
        output = self.head(self.features(images).mean((2, 3)))
        return self.change(output, self.runs)


@pytest.fixture
def explain(library: Library) -> Any:
    return library("explain").explain


@pytest.fixture
def model() -> Net:
    return Net().eval()


IMAGE = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def test_the_predicted_class_at_the_last_grid(explain: Any, model: Net) -> None:
    result = explain(model, IMAGE, class_names=["a", "b", "c"])
    (cam,) = result.cams[result.predicted_class_idx]
    assert set(result.cams) == {int(model(IMAGE).argmax())}
    assert (cam.shape, cam.dtype) == ((8, 8), torch.float32)
    assert (result.logits.shape, result.logits.requires_grad) == ((1, 3), False)
    assert (result.target_layers, result.method) == (("features",), "GradCAM")
    assert result.class_names == ("a", "b", "c")


@pytest.mark.parametrize(("step", "runs"), [(1, 2), (0, 1)])
def test_an_expected_class_is_run_again_if_it_is_another(
    step: int, runs: int, explain: Any, model: Net
) -> None:
    predicted = int(model(IMAGE).argmax())
    expected, model.runs = (predicted + step) % 3, 0
    result = explain(model, IMAGE, expected_class_idx=expected, target_layer="features.1")
    assert model.runs == runs
    assert set(result.cams) == {predicted, expected}


def test_a_transformer_by_legrad(library: Library, tmp_path: Path) -> None:
    model = VisionTransformer(32, 8, 2, 4, 32, 64, num_classes=3).eval()
    method, layers = library("methods").LeGrad, list(model.encoder.layers)
    image = torch.randn(1, 3, 32, 32)
    result = library("explain").explain(model, image, method=method, target_layer=layers)
    names = ("encoder.layers.encoder_layer_0", "encoder.layers.encoder_layer_1")
    assert (result.method, result.target_layers) == ("LeGrad", names)
    folder = result.save(tmp_path / "vit", Image.new("RGB", (32, 32)))
    (saved,) = json.loads((folder / "manifest.json").read_text())["classes"].values()
    assert [each["target_layers"] for each in saved["artifacts"]] == [list(names)]


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"model": None}, TypeError, "Module"),
        ({"model": Net()}, ValueError, "evaluation mode"),
        ({"input_tensor": None}, TypeError, "Tensor"),
        ({"input_tensor": torch.randn(2, 3, 8, 8)}, ValueError, "shape"),
        ({"input_tensor": IMAGE.to(torch.uint8)}, ValueError, "floating-point"),
        ({"expected_class_idx": "0"}, TypeError, "integer or None"),
        ({"expected_class_idx": True}, TypeError, "integer or None"),
        ({"expected_class_idx": 3}, ValueError, "output range"),
        ({"method": nn.Module}, TypeError, "extractor class"),
        ({"method_kwargs": []}, TypeError, "mapping"),
        ({"method_kwargs": {"target_layer": "features.1"}}, ValueError, "directly"),
        ({"class_names": ["a"]}, ValueError, "class_names"),
        ({"class_names": "abc"}, ValueError, "class_names"),
        ({"class_names": ["a", "b", 3]}, TypeError, "class name"),
    ],
)
def test_requests_that_cannot_be(
    change: Any, error: type, match: str, explain: Any, model: Net
) -> None:
    given = {"model": model, "input_tensor": IMAGE, "target_layer": "features.1"} | change
    with pytest.raises(error, match=match):
        explain(**given)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (lambda output, runs: (output, output), TypeError, "tensor"),
        (lambda output, runs: output * torch.nan, ValueError, "non-finite logits"),
        (lambda output, runs: output[0], ValueError, "must have shape"),
        (lambda output, runs: output[:, : 4 - runs], ValueError, "shape changed"),
    ],
)
def test_outputs_that_cannot_be(change: Any, error: type, match: str, explain: Any) -> None:
    model = Net(change).eval()
    plain = Net().eval()
    plain.load_state_dict(model.state_dict())
    other = (int(plain(IMAGE).argmax()) + 1) % 3
    with pytest.raises(error, match=match):
        explain(model, IMAGE, expected_class_idx=other, target_layer="features.1")
    assert hook_count(model) == 0


def test_maps_that_cannot_be(library: Library) -> None:
    prepare = library("explain")._prepare_maps
    with pytest.raises(ValueError, match="no CAMs"):
        prepare([])
    with pytest.raises(ValueError, match="CAMs must have shape"):
        prepare([torch.zeros(2, 2)])
    with pytest.raises(ValueError, match="non-finite"):
        prepare([torch.full((1, 2, 2), torch.nan)])


def test_inference_mode_has_no_gradients(explain: Any, model: Net) -> None:
    with torch.inference_mode(), pytest.raises(RuntimeError, match="inference_mode"):
        explain(model, IMAGE, target_layer="features.1")


def test_the_model_stays_as_it_was(explain: Any, model: Net) -> None:
    parameter = next(model.parameters())
    gradient = parameter.grad = torch.ones_like(parameter)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.no_grad():
        explain(model, IMAGE, target_layer="features.1")
    assert parameter.grad is gradient
    assert (gradient == 1).all()
    assert hook_count(model) == 0
    assert not any(module.training for module in model.modules())
    assert all((value == before[name]).all() for name, value in model.state_dict().items())
    assert IMAGE.grad is None


def test_what_is_saved(library: Library, model: Net, tmp_path: Path) -> None:
    names, image = ["a", "b", "c"], Image.new("RGB", (8, 8))
    explain = library("explain").explain
    layers = ["features.0", "features.1"]
    result = explain(model, IMAGE, expected_class_idx=0, class_names=names, target_layer=layers)
    with pytest.raises(TypeError, match="PIL image"):
        result.save(tmp_path / "none", None)
    folder = result.save(tmp_path / "deep" / "bundle", image)
    manifest = json.loads((folder / "manifest.json").read_text())
    files = {"manifest.json"}
    for category, cams in result.cams.items():
        for layer, cam in enumerate(cams):
            stem = f"class-{category}-layer-{layer}"
            files |= {f"{stem}.npy", f"{stem}-heatmap.png", f"{stem}-overlay.png"}
            stored = np.load(folder / f"{stem}.npy")
            assert (stored == cam.numpy()).all()
            drawn = library("utils").overlay_mask(image, Image.fromarray(stored), alpha=0.5)
            assert np.array_equal(Image.open(folder / f"{stem}-overlay.png"), drawn)
            assert Image.open(folder / f"{stem}-heatmap.png").mode == "L"
    assert {path.name for path in folder.iterdir()} == files
    assert manifest["expected"] == {"class_idx": 0, "class_name": "a"}
    assert manifest["prediction"]["class_idx"] == result.predicted_class_idx
    assert (manifest["image_size"], manifest["target_layers"]) == ([8, 8], layers)
    assert manifest["versions"]["torchcam"] == "0.5.0"
    with pytest.raises(FileExistsError):
        result.save(folder, image)


def test_nothing_is_left_where_saving_fails(
    library: Library, model: Net, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("mine")

    result = library("explain").explain(model, IMAGE, target_layer="features.1")
    image, folder = Image.new("RGB", (8, 8)), tmp_path / "bundle"
    with monkeypatch.context() as patch:
        patch.setattr(np, "save", fails)
        with pytest.raises(RuntimeError, match="mine"):
            result.save(folder, image)
    assert not folder.exists()
    assert result.save(folder, image) == folder
