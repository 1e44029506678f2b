"""A real network on mosaics of real photos: the heatmap of a class lies on its photo.

Chance is a quarter. EfficientNet-Lite0 comes as its package writes it: one ReLU6 module is used
everywhere, so the tensor that is pooled is the output of no module of its own.
"""

from __future__ import annotations

import pytest
import torch
from mosaics import AFTER, mosaics, network, separated, shares
from torch import Tensor, nn

import camkit_core as camkit

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
LEAST = {
    "gradcam": 0.75,
    "xgradcam": 0.75,
    "hirescam": 0.75,
    "finercam": 0.8,
    "gradcam++": 0.38,
}


@pytest.fixture(scope="module")
def lite() -> nn.Module:
    return network()


@pytest.fixture(scope="module")
def on_photo(lite: nn.Module) -> dict[str, Tensor]:
    """The share of each heatmap in the right quarter; camkit chooses the layer."""
    return shares(lite, [*LEAST, "eigencam"])


@pytest.mark.parametrize("method", LEAST)
def test_the_heatmap_lies_on_the_photo_of_its_class(
    on_photo: dict[str, Tensor], method: str
) -> None:
    assert on_photo[method].shape == (10, 4)
    assert float(on_photo[method].mean()) >= LEAST[method]


def test_a_method_that_knows_no_class_is_right_by_chance(on_photo: dict[str, Tensor]) -> None:
    assert float(on_photo["eigencam"].mean()) == pytest.approx(0.25, abs=1e-6)


def test_the_maps_are_those_of_the_network_whose_last_activation_is_a_module(
    lite: nn.Module,
) -> None:
    methods = ["gradcam", "gradcam++", "xgradcam", "finercam", "layercam"]
    _, pixels = mosaics()[0]
    automatic = camkit.compare(lite, pixels[None], methods, [282])
    named = camkit.compare(separated(), pixels[None], methods, [282], AFTER)
    for method in methods:
        expected = named[0, method].cam
        within = 1e-6 * float(expected.abs().max())
        assert torch.allclose(automatic[0, method].cam, expected, rtol=1e-4, atol=within)
