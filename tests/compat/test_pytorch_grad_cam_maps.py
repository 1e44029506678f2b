"""The compat form gives pytorch-grad-cam's own maps."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
import pytorch_grad_cam as peer
import torch
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget as PeersTarget
from torch import Tensor, nn

from camkit_methods.compat import pytorch_grad_cam as compat
from camkit_methods.compat.pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
ALL = [
    "GradCAM",
    "GradCAMPlusPlus",
    "XGradCAM",
    "HiResCAM",
    "GradCAMElementWise",
    "LayerCAM",
    "EigenCAM",
    "EigenGradCAM",
    "SegEigenCAM",
    "KPCA_CAM",
    "FEM",
    "RandomCAM",
    "ScoreCAM",
    "AblationCAM",
    "ShapleyCAM",
    "FullGrad",
    "FinerCAM",
    "RefineCAM",
    "SESS",
]


class Tiny(nn.Module):
    """Two convolutions and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.ReLU())
        self.last = nn.Sequential(nn.Conv2d(6, 8, 3, 1, 1), nn.ReLU())
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, 5)."""
        return self.head(self.last(self.first(x)).mean((2, 3)))


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(3)
    model = Tiny().eval()
    norm = model.first[1]
    norm.running_mean.normal_(0, 0.1)
    norm.bias.data.normal_(0, 0.5)
    return model


@pytest.fixture(scope="module")
def x() -> Tensor:
    torch.manual_seed(4)
    return torch.randn(2, 3, 24, 32)


def quietly(call: Any) -> np.ndarray:
    """What a call returns, without what it prints."""
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        return call()


def maps(library: Any, name: str, model: nn.Module, x: Tensor, target: Any, **call: Any) -> Any:
    """A method's maps of the last stage, or of both for those made of several."""
    np.random.seed(0)
    layers = [model.first, model.last] if name == "RefineCAM" else [model.last]
    options = {"num_scales": 2} if name == "SESS" else {}
    targets = [target(1), target(4)] if target else None
    cam = quietly(lambda: getattr(library, name)(model, layers, **options))
    return quietly(lambda: cam(x, targets=targets, **call))


@pytest.mark.parametrize("name", ALL)
def test_each_class_gives_the_peers_map(name: str, model: nn.Module, x: Tensor) -> None:
    for targets in ((None, None), (PeersTarget, ClassifierOutputTarget)):
        theirs = maps(peer, name, model, x, targets[0])
        ours = maps(compat, name, model, x, targets[1])
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        assert np.abs(ours - theirs).max() < 1e-5


@pytest.mark.parametrize("name", ["GradCAM", "LayerCAM", "FullGrad", "ScoreCAM"])
def test_eigen_smoothing_is_the_peers(name: str, model: nn.Module, x: Tensor) -> None:
    theirs = maps(peer, name, model, x, PeersTarget, eigen_smooth=True)
    ours = maps(compat, name, model, x, ClassifierOutputTarget, eigen_smooth=True)
    assert np.abs(ours - theirs).max() < 1e-4


def test_aug_smoothing_is_the_peers_with_its_own_transforms_and_with_given_ones(
    model: nn.Module, x: Tensor
) -> None:
    ttach = pytest.importorskip("ttach")
    mine = ttach.Compose([ttach.HorizontalFlip(), ttach.Multiply(factors=[0.5, 1])])
    for transforms in (None, mine):
        both = []
        for library in (peer, compat):
            cam = library.base_cam.BaseCAM.__new__(library.GradCAM)
            library.base_cam.BaseCAM.__init__(cam, model, [model.last], tta_transforms=transforms)
            both.append(cam(x, None, aug_smooth=True))
        assert np.abs(both[0] - both[1]).max() < 1e-5


@pytest.mark.parametrize("name", ["GradCAM", "RandomCAM", "AblationCAM"])
def test_several_layers_are_averaged_as_the_peer_does(
    name: str, model: nn.Module, x: Tensor
) -> None:
    both = []
    for library in (peer, compat):
        np.random.seed(0)
        cam = getattr(library, name)(model, [model.first, model.last])
        both.append(quietly(lambda cam=cam: cam(x, None)))
    assert np.abs(both[0] - both[1]).max() < 1e-5


@pytest.mark.parametrize("ratio", [1.0, 0.25])
def test_ablations_of_signed_activations_are_the_peers(
    ratio: float, model: nn.Module, x: Tensor
) -> None:
    """Far below the least value, and further for each channel of a chunk."""
    both = []
    for library in (peer, compat):
        options = {"batch_size": 3, "ratio_channels_to_ablate": ratio}
        cam = library.AblationCAM(model, [model.last[0]], **options)
        both.append(quietly(lambda cam=cam: cam(x, None)))
    assert np.abs(both[0] - both[1]).max() < 1e-4


def test_finercam_compares_with_the_classes_that_are_asked_for(model: nn.Module, x: Tensor) -> None:
    asked = {"alpha": 0.6, "comparison_categories": [2, 3], "target_idx": 1}
    for base in ("GradCAM", "ScoreCAM"):
        both = []
        for library in (peer, compat):
            cam = library.FinerCAM(model, [model.last], base_method=getattr(library, base))
            both.append(quietly(lambda cam=cam: cam(x, **asked)))
        assert np.abs(both[0] - both[1]).max() < 1e-4


def test_a_model_with_one_score_is_asked_for_that_score(x: Tensor) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = nn.Sequential(*model, nn.Linear(4, 1)).eval()
    for theirs, ours in ((None, None), ([PeersTarget(0)] * 2, [ClassifierOutputTarget(0)] * 2)):
        expected = peer.HiResCAM(model, [model[0]])(x, theirs)
        assert np.abs(compat.HiResCAM(model, [model[0]])(x, ours) - expected).max() < 1e-5


def test_volumes_are_resized_by_the_peers_splines() -> None:
    torch.manual_seed(0)
    head = [nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(2, 3)]
    model = nn.Sequential(nn.Conv3d(1, 2, 3, 2), nn.ReLU(), *head).eval()
    x = torch.randn(1, 1, 7, 9, 11)
    expected = peer.GradCAM(model, [model[0]])(x, None)
    assert np.abs(compat.GradCAM(model, [model[0]])(x, None) - expected).max() < 1e-5


@pytest.mark.parametrize("name", ["GradCAM", "EigenCAM", "ScoreCAM", "FullGrad"])
def test_targets_of_a_longer_batch_are_let_through(name: str, model: nn.Module, x: Tensor) -> None:
    asked = [ClassifierOutputTarget(k) for k in (1, 2, 0)]
    cam = getattr(compat, name)(model, [model.last])
    np.testing.assert_array_equal(cam(x, asked), cam(x, asked[:2]))
