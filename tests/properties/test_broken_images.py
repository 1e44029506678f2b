"""A batch with an image that is not finite: its map is blank, and the others are as without it."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor

import camkit_core as camkit
from camkit_core.plugins import get_registry
from helpers.lively import FEW
from helpers.small_nets import Net, small_net

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
METHODS = [row.name for row in get_registry().contributions("method")]
ATTENTION = ("attention_rollout", "chefer", "legrad")
TARGETS = [0, 3, 1]
REASON = "are not finite (inf or nan), because the image is not"


def broken(images: Tensor, index: int, value: float) -> Tensor:
    """The images, one of them with a pixel of this value."""
    changed = images.clone()
    changed[index, 0, 3, 3] = value
    return changed


@cache
def own(family: str) -> Net:
    """The family's network for this file alone, as what is found out of it is remembered."""
    net = small_net(family)
    return replace(net, model=deepcopy(net.model))


@cache
def alone(family: str, method: str, index: int, smooth: bool) -> camkit.Explanation:
    """The answer for one image."""
    net, options = own(family), FEW.get(method, {})
    image, target = net.images[index], TARGETS[index]
    return camkit.explain(net.model, image, method, target, eigen_smooth=smooth, **options)


def assert_only_one_is_lost(
    family: str, method: str, index: int, value: float, smooth: bool
) -> None:
    net, options = own(family), FEW.get(method, {})
    images = broken(net.images, index, value)
    e = camkit.explain(net.model, images, method, TARGETS, eigen_smooth=smooth, **options)
    assert REASON in str(e.blank(index))
    assert not e.heatmap[index].any()
    for other in {0, 1, 2} - {index}:
        single = alone(family, method, other, smooth)
        assert torch.allclose(e.cam[other], single.cam[0], rtol=1e-9, atol=1e-12)
        assert e.blank(other) == single.blank(0)


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_an_image_with_nan_costs_no_other_its_map(method: str, smooth: bool) -> None:
    assert_only_one_is_lost("timm_vit", method, 1, float("nan"), smooth)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("method", [name for name in METHODS if name not in ATTENTION])
def test_relus_do_not_hide_that_an_image_is_not_finite(method: str, value: float) -> None:
    assert_only_one_is_lost("resnet", method, 0, value, smooth=False)


def tail_notes(model: torch.nn.Module, images: Tensor) -> list[str]:
    """What AblationCAM says of its tail runs."""
    e = camkit.explain(model, images, "ablationcam", lambda row: row[1] ** 2)
    return [note for note in e.notes if "tail runs" in note]


@pytest.mark.parametrize("family", ["resnet", "vgg", "timm_vit"])
def test_an_image_with_nan_does_not_make_tail_runs_slow(family: str) -> None:
    net = small_net(family)
    model = deepcopy(net.model)
    assert tail_notes(model, broken(net.images, 0, float("nan"))) == []
    assert tail_notes(model, net.images) == []


def head_calls(images: Tensor) -> int:
    """How often the head ran for AblationCAM, where its closed form is yet to be proved."""
    model, calls = deepcopy(small_net("resnet").model), []
    model.fc.register_forward_hook(lambda *call: calls.append(1))
    camkit.explain(model, images, "ablationcam", TARGETS)
    return len(calls)


def test_an_image_with_nan_does_not_hide_that_the_head_is_affine() -> None:
    images = small_net("resnet").images
    assert head_calls(broken(images, 0, float("nan"))) <= head_calls(images)


def test_an_image_with_nan_does_not_hide_that_images_touch_each_other() -> None:
    norm = torch.nn.BatchNorm2d(4, track_running_stats=False)
    head = torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(4, 5)
    fresh = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), norm, torch.nn.ReLU(), *head).eval()
    images, model = torch.randn(3, 3, 8, 8), deepcopy(fresh)
    camkit.explain(model, broken(images, 0, float("nan")), target=1, layer="0")
    afterwards, wanted = (
        camkit.explain(each, images, target=1, layer="0") for each in (model, fresh)
    )
    assert torch.equal(afterwards.cam, wanted.cam)
    assert afterwards.notes == wanted.notes
