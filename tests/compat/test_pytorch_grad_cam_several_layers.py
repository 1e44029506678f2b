"""Several target layers are explained in one pass, and give pytorch-grad-cam's map."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import pytorch_grad_cam as peer
import torch
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget as PeersTarget
from torch import Tensor, nn

from camkit_core import CamkitWarning, LayerError
from camkit_methods.compat import pytorch_grad_cam as compat
from camkit_methods.compat.pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")


class Tiny(nn.Module):
    """Three convolutions, of which the last two follow each other, and a ReLU in place or not."""

    def __init__(self, inplace: bool = False, twice: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.twice, self.runs = twice, 0
        self.first = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.GELU())
        self.middle = nn.Conv2d(6, 6, 3, 1, 1)
        self.act = nn.ReLU(inplace)
        self.last = nn.Conv2d(6, 6, 1)
        self.head = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, 5)."""
        self.runs += 1
        grid = self.first(x)
        grid = grid + self.act(self.middle(grid))
        grid = self.middle(grid) if self.twice else grid
        return self.head(self.last(grid).mean((2, 3)))


def layers(model: Any) -> list[nn.Module]:
    """One inside another, and one before another."""
    return [model.middle, model.first, model.first[1]]


@pytest.fixture(scope="module")
def x() -> Tensor:
    torch.manual_seed(1)
    return torch.randn(2, 3, 20, 28)


@pytest.mark.parametrize("name", ["GradCAM", "LayerCAM", "EigenCAM", "FEM", "XGradCAM"])
@pytest.mark.parametrize("asked", [None, [2, 0]])
def test_the_map_is_the_peers(name: str, asked: list[int] | None, x: Tensor) -> None:
    own, other = Tiny().eval(), Tiny().eval()
    mine = asked and [ClassifierOutputTarget(k) for k in asked]
    peers = asked and [PeersTarget(k) for k in asked]
    ours = getattr(compat, name)(own, layers(own))(x, mine)
    with getattr(peer, name)(other, layers(other)) as cam:
        theirs = cam(x, peers)
    assert np.abs(ours - theirs).max() < 1e-5


@pytest.mark.parametrize("name", ["GradCAM", "EigenCAM"])
def test_the_model_runs_once(name: str, x: Tensor) -> None:
    model = Tiny().eval()
    cam = getattr(compat, name)(model, layers(model))
    before = model.runs
    cam(x, None)
    assert model.runs == before  # what it counts is put back, too
    runs: list[int] = []
    model.register_forward_pre_hook(lambda *_: runs.append(1))
    cam(x, None)
    assert len(runs) == 1


def test_the_gradients_are_those_of_a_layer_alone(x: Tensor) -> None:
    model, kept = Tiny().eval(), []

    class Kept(compat.GradCAM):
        def get_cam_weights(self, images: Any, layer: Any, targets: Any, acts: Any, grads: Any):
            kept.append((layer, acts, grads))
            return grads.mean((2, 3))

    Kept(model, layers(model))(x, None)
    together = list(kept)
    for layer, acts, grads in together:
        kept.clear()
        Kept(model, [layer])(x, None)
        np.testing.assert_array_equal(kept[0][1], acts)
        np.testing.assert_allclose(kept[0][2], grads, atol=1e-7)


def test_a_relu_in_place_after_a_layer_changes_nothing(x: Tensor) -> None:
    plain, inplace = Tiny().eval(), Tiny(inplace=True).eval()
    for name in ("GradCAM", "EigenCAM"):
        of = [getattr(compat, name)(each, layers(each))(x, None) for each in (plain, inplace)]
        np.testing.assert_array_equal(*of)


@pytest.mark.parametrize("other", ["first", "last"])
def test_a_layer_that_works_in_place_is_explained_as_another(other: str, x: Tensor) -> None:
    maps, runs = [], []
    for model in (Tiny().eval(), Tiny(inplace=True).eval()):
        model.register_forward_pre_hook(lambda *_: runs.append(1))
        maps.append(compat.GradCAM(model, [model.act, model.get_submodule(other)])(x, None))
    np.testing.assert_allclose(*maps, atol=1e-6)
    assert len(runs) == 2


def test_a_layer_that_runs_twice_is_refused(x: Tensor) -> None:
    model = Tiny(twice=True).eval()
    with pytest.raises(LayerError, match="ran 2 times"):
        compat.GradCAM(model, layers(model))(x, None)


def test_the_model_is_left_as_it_was(x: Tensor) -> None:
    model = Tiny().train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    cam = compat.GradCAM(model, layers(model))
    cam(x, None)
    assert model.training
    assert not any(each._forward_hooks for each in model.modules())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert all(each.grad is None for each in model.parameters())


def test_outputs_are_the_models(x: Tensor) -> None:
    model = Tiny().eval()
    cam = compat.EigenCAM(model, layers(model))
    cam(x, None)
    with torch.no_grad():
        np.testing.assert_allclose(cam.outputs, model(x), atol=1e-6)
    assert len(cam.activations_and_grads.activations) == 3


def test_a_blank_map_is_warned_of(x: Tensor) -> None:
    model = Tiny().eval()
    nn.init.zeros_(model.head.weight)
    cam = compat.GradCAM(model, layers(model))
    with pytest.warns(CamkitWarning):
        cam(x, [ClassifierOutputTarget(1)] * 2)
    kept = cam.activations_and_grads
    assert len(kept.activations) == len(kept.gradients) == 3


def test_a_method_without_gradients_runs_the_model_once_also_where_its_map_is_blank(
    x: Tensor,
) -> None:
    model, runs = Tiny().eval(), []
    nn.init.zeros_(model.middle.weight)
    nn.init.constant_(model.middle.bias, -1.0)
    cam = compat.FEM(model, [model.middle])
    with pytest.warns(CamkitWarning):
        cam(x[:1], None)
    model.register_forward_pre_hook(lambda *_: runs.append(1))
    with pytest.warns(CamkitWarning):
        cam(x[:1], None)
    assert len(runs) == 1


def test_fullgrad_by_hooks_is_fullgrad_by_the_engine(x: Tensor) -> None:
    model, runs = Tiny(inplace=True).eval(), []
    cam, asked = compat.FullGrad(model, []), [ClassifierOutputTarget(k) for k in (1, 4)]
    model.register_forward_pre_hook(lambda *_: runs.append(1))
    quick = cam.compute_cam_per_layer(x, asked, eigen_smooth=False)
    assert len(runs) == 1
    np.testing.assert_allclose(quick, cam._by_engine(x, asked, False), rtol=1e-4, atol=1e-5)
