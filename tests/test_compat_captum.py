"""captum's class activation maps by their names: the same signatures, shapes and values."""

from __future__ import annotations

import inspect
from typing import Any

import captum.attr
import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import CamkitError
from camkit_methods.compat import captum as ours
from helpers.small_nets import small_net

PAIRS = [
    (getattr(ours, name), getattr(captum.attr, name), call)
    for name, calls in (
        ("LayerGradCam", ("__init__", "attribute", "interpolate", "has_convergence_delta")),
        ("GuidedGradCam", ("__init__", "attribute", "has_convergence_delta")),
        ("LayerAttribution", ("__init__", "interpolate", "has_convergence_delta")),
    )
    for call in calls
]


@pytest.mark.parametrize(("own", "peer", "call"), PAIRS)
def test_a_call_has_the_peers_parameters_in_its_order_with_its_defaults(
    own: Any, peer: Any, call: str
) -> None:
    given, expected = (inspect.signature(getattr(each, call)).parameters for each in (own, peer))
    assert list(given) == list(expected)
    defaults = [{name: each.default for name, each in one.items()} for one in (given, expected)]
    assert defaults[0] == defaults[1]


class Relus(nn.Module):
    """A network whose ReLUs are modules, which captum guides; and a further input."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, 2)
        self.relu = nn.ReLU()
        self.layer = nn.Conv2d(6, 5, 3)
        self.head = nn.Linear(5, 4)

    def forward(self, images: Tensor, scale: Any = 1.0) -> Tensor:
        grid = self.layer(self.relu(self.conv(images)))
        return self.head(grid.square().mean((2, 3))) * scale


@pytest.fixture(scope="module")
def net() -> Relus:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Relus().eval()


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.randn(3, 3, 16, 20, generator=torch.Generator().manual_seed(1))


TARGETS = [2, (2,), [0, 1, 3], torch.tensor([3, 2, 1]), [(1,), (0,), (2,)], torch.tensor(1)]


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_means_what_it_means_there(net: Relus, images: Tensor, target: Any) -> None:
    found = ours.LayerGradCam(net, net.layer).attribute(images, target)
    expected = captum.attr.LayerGradCam(net, net.layer).attribute(images, target)
    assert found.shape == expected.shape
    assert torch.allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    "options", [{"relu_attributions": True}, {"attr_dim_summation": False}, {}]
)
def test_an_option_means_what_it_means_there(
    net: Relus, images: Tensor, options: dict[str, Any]
) -> None:
    given = {"target": 1, "additional_forward_args": 3.0, **options}
    found = ours.LayerGradCam(net, net.layer).attribute(images, **given)
    expected = captum.attr.LayerGradCam(net, net.layer).attribute(images, **given)
    assert found.shape == expected.shape
    assert torch.allclose(found, expected, atol=1e-5)


def test_a_function_is_explained_as_a_model_is(net: Relus, images: Tensor) -> None:
    def scores(images: Tensor) -> Tensor:
        return net(images)[:, 1] ** 2

    found = ours.LayerGradCam(scores, net.layer).attribute(images)
    expected = captum.attr.LayerGradCam(scores, net.layer).attribute(images)
    assert torch.allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("family", ["resnet", "vgg", "vit"])
def test_layers_of_real_networks(family: str) -> None:
    net = small_net(family, torch.float64)
    layer = {"resnet": "layer3", "vgg": "features", "vit": "encoder.layers.encoder_layer_1"}[family]
    module = net.model.get_submodule(layer)
    found = ours.LayerGradCam(net.model, module).attribute(net.images, 1)
    expected = captum.attr.LayerGradCam(net.model, module).attribute(net.images, 1)
    assert found.shape == expected.shape
    assert torch.allclose(found, expected)


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_guided_gradcam_is_the_peers_where_relus_are_modules(
    net: Relus, images: Tensor, mode: str
) -> None:
    found = ours.GuidedGradCam(net, net.layer).attribute(images, 2, interpolate_mode=mode)
    peer = captum.attr.GuidedGradCam(net, net.layer)
    expected = peer.attribute(images.clone().requires_grad_(), 2, interpolate_mode=mode)
    assert torch.allclose(found, expected, atol=1e-6)
    [in_tuple] = ours.GuidedGradCam(net, net.layer).attribute((images,), 2, interpolate_mode=mode)
    assert torch.equal(in_tuple, found)


def test_an_attribution_is_resized_as_there() -> None:
    small = torch.randn(2, 1, 4, 5, generator=torch.Generator().manual_seed(2))
    for given in [((8, 9),), ((8, 9), "bilinear")]:
        found = ours.LayerAttribution.interpolate(small, *given)
        assert torch.equal(found, captum.attr.LayerAttribution.interpolate(small, *given))


def test_an_explanation_gives_captums_form(net: Relus, images: Tensor) -> None:
    explanation = camkit.explain(net, images, "gradcam", 2, net.layer)
    expected = captum.attr.LayerGradCam(net, net.layer).attribute(images, 2)
    assert torch.allclose(explanation.to_captum(), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"attribute_to_layer_input": True}, "name the layer whose output that is"),
        ({"grad_kwargs": {"create_graph": True}}, "leave it out"),
        ({"target": [1, 2]}, "got 2 targets for 3 images"),
        ({}, "pass the index of a score"),
    ],
)
def test_what_is_not_to_be_had_says_so(
    net: Relus, images: Tensor, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(CamkitError, match=message):
        ours.LayerGradCam(net, net.layer).attribute(images, **given)


def test_the_model_comes_back_in_the_mode_it_had(net: Relus, images: Tensor) -> None:
    net.train()
    ours.LayerGradCam(net, net.layer).attribute(images, 2)
    assert net.training
    net.eval()
    assert all(parameter.grad is None for parameter in net.parameters())
