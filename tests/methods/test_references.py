"""On the real classes, each method gives what its formula gives, computed naively."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.plugins import get_registry
from helpers import naive
from helpers.small_nets import Net, small_net

pytestmark = pytest.mark.filterwarnings("ignore:blank map")


def adapter_of(model: nn.Module, images: Tensor) -> camkit.Adapter:
    """What the installed adapter says of this model."""
    contribution = get_registry().adapter_for(type(model))
    assert contribution is not None
    return contribution.load()(model, tuple(images.shape[-2:]))


def head_of(model: nn.Module) -> nn.Linear:
    """The layer that gives the class scores."""
    return [module for module in model.modules() if isinstance(module, nn.Linear)][-1]


def assert_equal_maps(given: Tensor, wanted: Tensor, tolerance: float) -> None:
    """Maps are equal up to a part of the largest value, not zero, and not all alike."""
    size = wanted.abs().amax((1, 2), keepdim=True)
    assert bool((size > 0).all())
    assert float(((given - wanted) / size).abs().max()) <= tolerance
    assert float(((wanted[0] - wanted[1]) / size[0]).abs().max()) > 100 * tolerance


@pytest.mark.parametrize("target", [2, lambda output: output[2]], ids=["class", "callable"])
def test_a_method_gives_its_formula(net: Net, method: str, target: object) -> None:
    """Two targets, because AblationCAM may answer a class in closed form, a callable never."""
    e = camkit.explain(net.model, net.images, method, target)
    wanted = naive.cam(
        method, net.model, net.images, adapter_of(net.model, net.images), lambda row: row[2]
    )
    assert_equal_maps(e.cam, wanted, 1e-9)


@pytest.mark.parametrize("scale", [1e-8, 1e-3, 10.0])
def test_a_method_gives_its_formula_at_any_scale_of_the_score(
    net: Net, method: str, scale: float
) -> None:
    """GradCAM++ and ScoreCAM depend on the scale, so they are compared with their formulas."""
    model = deepcopy(net.model)
    with torch.no_grad():
        head_of(model).weight.mul_(scale)
        head_of(model).bias.mul_(scale)
    e = camkit.explain(model, net.images, method, 2)
    adapter = adapter_of(model, net.images)
    wanted = naive.cam(method, model, net.images, adapter, lambda row: row[2])
    assert_equal_maps(e.cam, wanted, 1e-6)


@pytest.mark.parametrize("scale", [1e-8, 1e8])
def test_gradcam_xgradcam_and_ablationcam_are_linear_in_the_score(net: Net, scale: float) -> None:
    methods = ["gradcam", "xgradcam", "ablationcam"]
    plain = camkit.compare(net.model, net.images, methods, [2])
    scaled = camkit.compare(
        net.model, net.images, methods, [lambda row: scale * row[2], lambda row: -row[2]]
    )
    for method in methods:
        assert_equal_maps(scaled[0, method].cam / scale, plain[0, method].cam, 1e-6)
        assert_equal_maps(-scaled[1, method].cam, plain[0, method].cam, 1e-9)
    changed = camkit.explain(net.model, net.images, "gradcam++", lambda row: 1e8 * row[2])
    same = camkit.explain(net.model, net.images, "gradcam++", lambda row: row[2])
    assert not torch.allclose(changed.cam / 1e8, same.cam, rtol=1e-2)


@pytest.mark.parametrize("exponent", range(-6, 1))
def test_gradcam_plusplus_in_single_precision_is_its_formula_for_gradients_of_any_size(
    exponent: int,
) -> None:
    """The logits are rescaled so that gradients range from 1e-1 down to 1e-7."""
    single, double = small_net("vgg", torch.float32), small_net("vgg")
    assert torch.equal(single.images.double(), double.images.float().double())
    scale = 10.0**exponent
    e = camkit.explain(single.model, single.images, "gradcam++", lambda row: scale * row[2])
    wanted = naive.cam(
        "gradcam++", double.model, double.images,
        adapter_of(double.model, double.images), lambda row: scale * row[2],
    )  # fmt: skip
    assert_equal_maps(e.cam.double(), wanted, 1e-4)
