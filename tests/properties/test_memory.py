"""The caller's images stay as they are, results share no memory, and nothing is kept alive."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.probe.tail import proof
from helpers.lively import (
    FEW,
    METHODS,
    Lively,
    changes,
    every_method,
    snapshot,
)

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")


@every_method
def test_images_are_left_alone(method: str) -> None:
    model = Lively()
    images = torch.randn(2, 3, 8, 8, requires_grad=True)
    images.grad = torch.ones_like(images)
    before, version = snapshot(model, images), images._version
    few: Any = FEW.get(method, {})
    camkit.explain(model, images, method, 1, "layer", aug_smooth=True, guided=True, **few)
    assert changes(before, snapshot(model, images)) == []
    assert images.requires_grad
    assert images._version == version


class Normalising(nn.Module):
    """Normalises the images it is given in place."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3)

    def forward(self, images: Tensor) -> Tensor:
        return self.layer(images.sub_(0.5).div_(0.2)).relu().mean((2, 3))


@every_method
def test_a_model_that_writes_into_its_input_does_not_reach_the_callers(method: str) -> None:
    model, images = Normalising(), torch.rand(2, 3, 8, 8)
    given = images.clone()
    few: Any = FEW.get(method, {})
    explanation = camkit.explain(model, images, method, 1, "layer", aug_smooth=True, **few)
    assert torch.equal(images, given)
    assert torch.equal(explanation.images, given)


@pytest.mark.parametrize("method", ["gradcam", "ablationcam"])
def test_a_model_that_writes_into_its_input_gives_the_map_of_one_that_does_not(method: str) -> None:
    model, images = Normalising(), torch.rand(2, 3, 8, 8)
    plain = nn.Sequential(model.layer, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    few: Any = {"batch_size": 2, **FEW.get(method, {})}
    expected = camkit.explain(plain, (images - 0.5) / 0.2, method, 1, "0", **few).cam
    given = camkit.explain(model, images, method, 1, "layer", **few).cam
    assert torch.allclose(given, expected, atol=1e-6)


def tensors_of(explanation: camkit.Explanation) -> dict[str, Tensor]:
    """All tensors an explanation holds, by name."""
    values = {name: getattr(explanation, name) for name in (*vars(explanation), "heatmap")}
    return {name: value for name, value in values.items() if isinstance(value, Tensor)}


@every_method
def test_results_are_detached(method: str) -> None:
    images = torch.randn(2, 3, 8, 8, requires_grad=True)
    few: Any = FEW.get(method, {})
    explanation = camkit.explain(Lively(), images, method, None, "layer", guided=True, **few)
    held = tensors_of(explanation)
    assert held.keys() >= {"cam", "heatmap", "logits", "target", "score", "images", "guided"}
    assert [name for name, value in held.items() if value.requires_grad or value.grad_fn] == []


@every_method
def test_results_share_no_memory_with_model_or_images(method: str) -> None:
    model, images = Lively().eval(), torch.randn(2, 3, 8, 8)
    few: Any = FEW.get(method, {})
    explanation = camkit.explain(model, images, method, 1, "layer", guided=True, **few)
    given = [images, *model.parameters(), *model.buffers()]
    places = {tensor.untyped_storage().data_ptr() for tensor in given}
    held = tensors_of(explanation).items()
    assert [k for k, value in held if value.untyped_storage().data_ptr() in places] == []


def test_two_methods_do_not_share_memory_so_that_one_may_be_changed() -> None:
    both = camkit.compare(Lively(), torch.randn(1, 3, 8, 8), ["gradcam"] * 2, [1], "layer")
    first, second = both
    kept = second.cam.clone()
    first.cam.zero_()
    assert torch.equal(second.cam, kept)


def live_tensors() -> int:
    gc.collect()
    return sum(issubclass(type(thing), Tensor) for thing in gc.get_objects())


def test_many_calls_leave_as_many_tensors_and_hooks_as_two() -> None:
    """This holds also after an error in the middle, once its traceback is gone."""
    model, images = Lively(), torch.randn(2, 3, 8, 8)

    def refuse(sample: Tensor) -> Tensor:
        raise LookupError

    def call(times: int) -> tuple[int, int]:
        for _ in range(times):
            for method in METHODS:
                few: Any = FEW.get(method, {})
                camkit.explain(model, images, method, [1, 2], "layer", guided=True, **few)
                with pytest.raises(LookupError):
                    camkit.explain(model, images, method, refuse, "layer", **few)
        return live_tensors(), sum(len(module._forward_hooks) for module in model.modules())

    assert call(2) == call(6)


def test_models_can_be_collected_while_their_explanations_live() -> None:
    before = len(proof._proofs)
    models, image = {method: Lively() for method in METHODS}, torch.randn(1, 3, 8, 8)
    explanations = [
        camkit.explain(model, image, method, 1, "layer", guided=True, **_few(method))
        for method, model in models.items()
    ]
    models_left = {method: weakref.ref(model) for method, model in models.items()}
    layers_left = {method: weakref.ref(model.layer) for method, model in models.items()}
    del models
    gc.collect()
    assert [method for method, model in models_left.items() if model()] == []
    assert [method for method, layer in layers_left.items() if layer()] == []
    assert len(proof._proofs) <= before
    assert all(explanation.heatmap.shape == (1, 8, 8) for explanation in explanations)


def _few(method: str) -> Any:
    return FEW.get(method, {})
