"""What must not change a map: how images are batched and chunked, and what scores have added."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from helpers.small_nets import Net, explained, small_net
from helpers.toys import weights_of

pytestmark = pytest.mark.filterwarnings("ignore:blank map")


def assert_close(given: Tensor, wanted: Tensor, tolerance: float = 1e-9) -> None:
    """Equal up to a part of each map's largest value, which is not zero."""
    size = wanted.abs().amax((1, 2), keepdim=True)
    assert given.shape == wanted.shape
    assert bool((size > 0).all())
    assert float(((given - wanted) / size).abs().max()) <= tolerance


def differ(first: Tensor, second: Tensor) -> bool:
    """Whether two maps are clearly not the same."""
    return float((first - second).abs().max() / second.abs().max()) > 1e-3


def head_of(model: nn.Module) -> nn.Linear:
    """The layer that gives the class scores."""
    return [module for module in model.modules() if isinstance(module, nn.Linear)][-1]


def test_a_batch_gives_the_maps_of_its_images_one_by_one(net: Net, method: str) -> None:
    targets = [0, 3, 1]
    e = camkit.explain(net.model, net.images, method, targets)
    singles = [camkit.explain(net.model, net.images[i], method, targets[i]) for i in range(3)]
    assert_close(e.cam, torch.cat([single.cam for single in singles]))
    assert torch.allclose(e.score, torch.cat([single.score for single in singles]))
    assert differ(e.cam[0], e.cam[1])
    assert differ(e.cam[0], explained(net, method, 4).cam[0])


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("method", ["ablationcam", "scorecam"])
def test_the_size_of_chunks_changes_nothing(net: Net, method: str, size: int) -> None:
    """A callable target, because AblationCAM needs no run for a class of an affine head."""
    runs = camkit.explain(net.model, net.images, method, lambda row: row[1], batch_size=size)
    assert_close(runs.cam, explained(net, method, 1).cam)


def test_images_are_scored_in_chunks_of_the_size_asked_for() -> None:
    net = small_net("vgg")
    rows: list[int] = []
    handle = net.model.register_forward_hook(lambda model, args, output: rows.append(len(output)))
    with handle:
        camkit.explain(net.model, net.images, "scorecam", 1, batch_size=7)
    assert rows[0] == 3
    assert max(rows[1:]) == 7
    assert len(rows) > 5


@pytest.mark.parametrize("shift", [-50.0, 50.0])
def test_a_constant_added_to_the_score_changes_nothing(net: Net, method: str, shift: float) -> None:
    model = deepcopy(net.model)
    with torch.no_grad():
        head_of(model).bias[2] += shift
    plain = explained(net, method, 2)
    shifted = camkit.explain(model, net.images, method, 2)
    assert_close(shifted.cam, plain.cam)
    assert torch.allclose(shifted.score, plain.score + shift)


def reader_of(net: Net, model: nn.Module) -> Tensor:
    """The weights (out, C, ...) that read the channels of the adapter's layer."""
    weights: dict[str, Callable[[Any], Tensor]] = {
        "vgg": lambda model: model.classifier[0].weight.view(-1, 16, 4),
        "timm_vgg": lambda model: model.pre_logits.fc1.weight,
        "vit": lambda model: model.encoder.layers[-1].self_attention.in_proj_weight,
        "timm_vit": lambda model: model.blocks[-1].attn.qkv.weight,
    }
    return weights.get(net.name, lambda model: head_of(model).weight)(model)


@pytest.mark.parametrize("method", ["gradcam", "gradcam++", "xgradcam", "ablationcam"])
@pytest.mark.parametrize("target", [2, lambda row: row[2]], ids=["class", "callable"])
def test_a_channel_without_effect_has_no_weight(net: Net, method: str, target: Any) -> None:
    """ScoreCAM is left out, because its weights come from masked images and not from the head."""
    model = deepcopy(net.model)
    with torch.no_grad():
        reader_of(net, model)[:, 5] = 0
    weights, _ = weights_of(model, net.images, method, target, None)
    assert float((weights[:, 5] / weights.abs().amax(1)).abs().max()) <= 1e-12
    weights, _ = weights_of(net.model, net.images, method, target, None)
    assert weights[:, 5].abs().max() > 0 or method == "gradcam++"


def test_a_dead_channel_adds_nothing_to_scorecam(net: Net) -> None:
    """A constant channel has a finite weight, too."""
    for value in (0.0, 3.0):

        def change(output: Tensor, value: float = value) -> Tensor:
            axis = 1 if output.ndim == 4 else -1
            changed = output.clone()
            changed.select(axis, 5).fill_(value)
            return changed

        target_layer = camkit.explain(net.model, net.images, layer=None).layer.split(" > ")[0]
        model = deepcopy(net.model)
        model.get_submodule(target_layer).register_forward_hook(lambda m, a, output: change(output))
        weights, e = weights_of(model, net.images, "scorecam", 2, None)
        assert weights.isfinite().all()
        assert e.cam.isfinite().all()
        assert torch.allclose(weights.sum(1), torch.ones(3, dtype=torch.float64))


def test_permuted_channels_give_the_same_map(method: str) -> None:
    """Permutes the channels of a convolution, and the weights of the head that reads them."""
    order = torch.randperm(16)
    plain = small_net("vgg")
    model = deepcopy(plain.model)
    with torch.no_grad():
        model.features[6].weight.copy_(model.features[6].weight[order])
        model.features[6].bias.copy_(model.features[6].bias[order])
        reader_of(plain, model).copy_(reader_of(plain, model)[:, order])
    e = camkit.explain(model, plain.images, method, 2)
    assert_close(e.cam, explained(plain, method, 2).cam)
    weights, _ = weights_of(model, plain.images, method, 2, None)
    same, _ = weights_of(plain.model, plain.images, method, 2, None)
    assert torch.allclose(weights, same[:, order], rtol=1e-7, atol=1e-12)
    assert not torch.allclose(weights, same)


def test_two_calls_give_the_same_bits(net: Net, method: str) -> None:
    first = camkit.explain(net.model, net.images, method)
    torch.rand(7)
    again = camkit.explain(net.model, net.images, method)
    assert torch.equal(first.cam, again.cam)
    assert torch.equal(first.heatmap, again.heatmap)
    assert first.cam.any()


def test_single_precision_gives_the_map_of_double(net: Net, method: str) -> None:
    single = small_net(net.name, torch.float32)
    images = single.images.double()
    e = camkit.explain(single.model, single.images, method, 2)
    assert e.cam.dtype == torch.float32
    wanted = camkit.explain(net.model, images, method, 2).cam
    assert wanted.dtype == torch.float64
    assert_close(e.cam.double(), wanted, 1e-4)
    assert differ(wanted[0], wanted[1])
