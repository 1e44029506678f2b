"""Models that take no single image, where nobody names the layer."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import InputError

IMAGES = torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def normalised() -> nn.Sequential:
    torch.manual_seed(0)
    maps = [nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU()]
    vectors = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 6)]
    norm = nn.BatchNorm1d(6, track_running_stats=False)
    return nn.Sequential(*maps, *vectors, norm, nn.ReLU(), nn.Linear(6, 4))


class Tokens(nn.Module):
    """Mixes patches by a random matrix, which no call certifies; refuses a single image."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, 8, 4, 4)
        self.mix = nn.Linear(8, 8)
        self.head = nn.Linear(8, 4)

    def forward(self, images: Tensor) -> Tensor:
        if len(images) < 2:
            raise ValueError("give a pair")
        tokens = torch.einsum("nchw->nhwc", self.stem(images)).reshape(len(images), -1, 8)
        return self.head(self.mix(tokens).tanh().mean(1))


def test_the_layer_is_found_in_a_pass_of_all_images() -> None:
    model = normalised()
    explanation = camkit.explain(model, IMAGES, "gradcam", 1)
    assert explanation.layer == "3"
    assert torch.equal(explanation.cam, camkit.explain(model, IMAGES, "gradcam", 1, "3").cam)
    assert torch.allclose(explanation.cam, _gradcam(model[:4], model[4:]), atol=1e-6)


def _gradcam(trunk: nn.Module, head: nn.Module) -> Tensor:
    """Of class 1 and each image's own activations."""
    activations = trunk(IMAGES).detach().requires_grad_()
    scores = head(activations)[:, 1]
    own = [
        torch.autograd.grad(s, activations, retain_graph=True)[0][i] for i, s in enumerate(scores)
    ]
    weights = torch.stack(own).mean((2, 3), keepdim=True)
    return (weights * activations).sum(1).detach()


def test_a_disturbance_is_passed_beside_the_other_images() -> None:
    found = camkit.layers(Tokens(), IMAGES, 1)
    chosen = next(layer for layer in found if layer.chosen)
    assert (chosen.name, chosen.layout) == ("mix > tanh", "NLC 4x4")
    assert chosen.places is not None
    assert chosen.places > 0.9


@pytest.mark.parametrize("layer", [None, "3"])
def test_a_single_image_is_refused_with_torchs_reason(layer: Any) -> None:
    with pytest.raises(InputError, match=r"takes no single one; give two images or more\. Torch s"):
        camkit.explain(normalised(), IMAGES[:1], "gradcam", 1, layer)


def test_an_error_that_is_not_about_one_image_is_the_models_own() -> None:
    with pytest.raises(RuntimeError, match="to have 3 channels, but got 5"):
        camkit.explain(normalised(), torch.randn(2, 5, 16, 16))
