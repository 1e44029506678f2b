"""The overlay, the package's own names, and the two libraries' pictures side by side."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image

from camkit_core import CamkitError, ImportFailed
from camkit_methods.compat import torchcam as ours
from camkit_methods.compat.torchcam.utils import overlay_mask
from helpers.torchcam_situations import Library

RNG = np.random.default_rng(0)


def picture(mode: str, side: int = 16) -> Image.Image:
    return Image.fromarray(RNG.integers(0, 256, (side, side, 3), dtype=np.uint8)).convert(mode)


def test_the_overlay_of_a_full_mask(library: Library) -> None:
    black = Image.fromarray(np.zeros((4, 4, 3), dtype=np.uint8))
    mask = Image.fromarray(np.full((4, 4), 255, dtype=np.uint8))
    overlay = np.asarray(library("utils").overlay_mask(black, mask, alpha=0.7))
    assert (overlay == (0, 0, 39)).all()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"img": np.zeros((4, 4, 3))}, TypeError),
        ({"mask": np.zeros((4, 4))}, TypeError),
        ({"alpha": 1.0}, ValueError),
        ({"alpha": 1}, ValueError),
        ({"alpha": -0.1}, ValueError),
        ({"img": Image.new("RGBA", (4, 4))}, ValueError),
    ],
)
def test_arguments_that_cannot_be(change: dict, error: type, library: Library) -> None:
    given = {"img": Image.new("RGB", (4, 4)), "mask": Image.new("F", (4, 4))} | change
    with pytest.raises(error, match=r"img|alpha"):
        library("utils").overlay_mask(**given)


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "HSV"])
@pytest.mark.parametrize("colormap", ["jet", "viridis"])
def test_overlays_are_torch_cams_to_the_byte(mode: str, colormap: str) -> None:
    theirs = pytest.importorskip("torchcam.utils")
    image = picture(mode)
    for mask in (
        Image.fromarray(RNG.random((5, 7), dtype=np.float32) * 1.2 - 0.1),
        Image.fromarray(np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)),
        picture("L", 5),
    ):
        for alpha in (0.0, 0.5, 0.7):
            expected = theirs.overlay_mask(image, mask, colormap, alpha)
            assert np.array_equal(overlay_mask(image, mask, colormap, alpha), expected)


def test_other_colours_need_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    image, mask = Image.new("RGB", (4, 4)), Image.new("F", (4, 4))
    assert overlay_mask(image, mask).size == (4, 4)
    with pytest.raises(ImportFailed, match="pip install matplotlib"):
        overlay_mask(image, mask, "viridis")


def test_the_package_has_torch_cams_modules(library: Library) -> None:
    package = library("methods").__name__.removesuffix(".methods")
    module = sys.modules[package]
    for name in ("explain", "methods", "metrics", "utils"):
        assert getattr(module, name) is sys.modules[f"{package}.{name}"]
    assert module.__version__ == "0.5.0"
    with pytest.raises(AttributeError, match="has no attribute 'missing'"):
        _ = module.missing


def test_errors_are_camkits_too() -> None:
    with pytest.raises(CamkitError):
        overlay_mask(None, None)  # type: ignore[arg-type]
    assert set(ours.__all__) == {"explain", "methods", "metrics", "utils", "version"}


def test_every_public_name_of_torch_cam_is_there(library: Library) -> None:
    names = {
        "methods": "CAM ISCAM SSCAM FinerCAM GradCAM GradCAMpp LayerCAM LeGrad OutputTarget "
        "RefineCAM ScoreCAM SmoothGradCAMpp XGradCAM",
        "metrics": "ClassificationMetric DeletionInsertionMetric",
        "explain": "PredictionExplanation explain",
        "utils": "overlay_mask",
    }
    for module, listed in names.items():
        assert set(listed.split()) <= set(dir(library(module)))
