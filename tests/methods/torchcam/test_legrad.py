"""LeGrad: attention of every kind of block that it takes, and of those that it does not."""

from __future__ import annotations

import copy
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import VisionTransformer

from helpers.torchcam_situations import Block, Small, hook_count

IMAGES = torch.randn(1, 3, 2, 2, generator=torch.Generator().manual_seed(0))


def by_hand(model: Small, images: Tensor, block: int, classes: list[int], grid: Any) -> Tensor:
    """The map of one block, its attention written out."""
    patches = model.patches(images).flatten(2).transpose(1, 2)
    tokens = torch.cat((model.prefix.expand(len(images), -1, -1), patches), 1)
    for earlier in model.blocks[:block]:
        tokens = earlier(tokens)
    part = model.blocks[block]
    layer = part.self_attention
    qkv = nn.functional.linear(part.norm(tokens), layer.in_proj_weight, layer.in_proj_bias)
    q, k, v = (each.unflatten(2, (2, 4)).transpose(1, 2) for each in qkv.chunk(3, 2))
    attention = (q @ k.transpose(2, 3) / 2).softmax(-1)
    tokens = tokens + layer.out_proj((attention @ v).transpose(1, 2).flatten(2))
    scores = model.project(tokens + part.mlp(tokens).tanh())
    asked = scores.gather(1, torch.tensor(classes)[:, None]).sum()
    (gradient,) = torch.autograd.grad(asked, attention)
    rows = gradient.relu().mean((1, 2))[:, model.prefix.shape[1] :]
    return rows.reshape(len(images), *grid)


@pytest.mark.parametrize(
    ("grid", "prefix", "blocks", "classes"),
    [((2, 2), 1, [0], 1), ((2, 3), 2, [0, 1], [0, 2])],
)
def test_maps_are_those_of_attention_written_out(
    grid: Any, prefix: int, blocks: list[int], classes: Any, methods: ModuleType
) -> None:
    model, images = Small(prefix), torch.randn(2, 3, *grid)
    each = [classes] * 2 if isinstance(classes, int) else classes
    expected = torch.stack([by_hand(model, images, b, each, grid) for b in blocks]).mean(0)
    plain = model(images)
    layers = [model.blocks[block] for block in blocks]
    settings = {"score_projection": model.project, "prefix_tokens": prefix, "grid_shape": grid}
    with methods.LeGrad(model, layers, **settings) as extractor:
        scores = model(images)
        assert torch.allclose(scores, plain, atol=1e-6)
        (raw,) = extractor(classes, None, normalized=False, retain_graph=True)
        assert torch.allclose(raw, expected, rtol=1e-4, atol=1e-7)
        (shown,) = extractor(classes, torch.full_like(scores, 1e6), retain_graph=True)
        assert shown.amin() == 0
        for attention in extractor.hook_attn:
            assert torch.allclose(attention.sum(-1), torch.ones(()))


def vit() -> VisionTransformer:
    model = VisionTransformer(32, 8, 2, 2, 32, 64, num_classes=10)
    nn.init.normal_(model.heads.head.weight)
    return model.eval()


def test_a_frozen_vit_of_torchvision_twice(methods: ModuleType) -> None:
    model = vit().double().requires_grad_(False)
    state = copy.deepcopy(model.state_dict())
    images = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    with methods.LeGrad(model, list(model.encoder.layers)) as extractor:
        for _ in range(2):
            (cam,) = extractor([0, 1], model(images))
            assert (cam.shape, cam.dtype) == ((2, 4, 4), torch.float64)
            assert cam.isfinite().all()
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all((value == state[name]).all() for name, value in model.state_dict().items())


@pytest.mark.parametrize("fails", [False, True])
def test_model_and_hooks_are_as_before(fails: bool, methods: ModuleType) -> None:
    model = Small().train()
    for index, parameter in enumerate(model.parameters()):
        parameter.requires_grad_(index % 2 == 0)
    flags = [parameter.requires_grad for parameter in model.parameters()]
    try:
        with methods.LeGrad(model, model.blocks[0], score_projection=model.project) as extractor:
            scores = model(IMAGES)
            assert extractor(0, scores)[0].isfinite().all()
            if fails:
                raise KeyError
    except KeyError:
        assert fails
    assert hook_count(model) == 0
    assert all(module.training for module in model.modules())
    assert flags == [parameter.requires_grad for parameter in model.parameters()]


def test_the_caller_gets_the_weights_that_it_asked_for(methods: ModuleType) -> None:
    layer, x = Block().self_attention.eval(), torch.randn(1, 5, 8)
    model = Small()
    model.blocks[0].self_attention = layer
    calls = [{}, {"need_weights": False}, {"average_attn_weights": False}]
    plain = [layer(x, x, x, **call) for call in calls]
    with methods.LeGrad(model, model.blocks[0], score_projection=model.project):
        for (output, weights), call in zip(plain, calls, strict=True):
            given, own = layer(x, x, x, **call)
            assert torch.allclose(given, output, atol=1e-6)
            assert (own is None) == (weights is None)
            assert own is None or torch.allclose(own, weights, atol=1e-6)


def test_options_of_attention_by_position(methods: ModuleType) -> None:
    model = Small(attend=lambda layer, x: layer(x, x, x, None, False, None, True))
    with methods.LeGrad(model, model.blocks[0], score_projection=model.project) as extractor:
        assert extractor(0, model(IMAGES))[0].isfinite().all()


@pytest.mark.parametrize(
    ("block", "error", "match"),
    [
        (nn.Identity(), TypeError, "self_attention"),
        (Block(batch_first=False), ValueError, "batch-first"),
        (Block(kdim=4, vdim=4), ValueError, "shared-dimension"),
        (Block(add_bias_kv=True), ValueError, "added attention tokens"),
        (Block(add_zero_attn=True), ValueError, "added attention tokens"),
    ],
)
def test_blocks_that_cannot_be(block: Any, error: type, match: str, methods: ModuleType) -> None:
    model = Small()
    model.blocks[0] = block
    with pytest.raises(error, match=match):
        methods.LeGrad(model, model.blocks[0], score_projection=model.project)
    assert hook_count(model) == 0


@pytest.mark.parametrize(
    ("settings", "error", "match"),
    [
        ({"score_projection": None}, ValueError, "score_projection"),
        ({"target_layer": []}, ValueError, "explicit target"),
        ({"target_layer": None}, ValueError, "explicit target"),
        ({"prefix_tokens": 1.0}, TypeError, "integer"),
        ({"prefix_tokens": -1}, ValueError, "non-negative"),
        ({"grid_shape": [2, 3]}, TypeError, "tuple of two integers"),
        ({"grid_shape": (2, 0)}, ValueError, "positive"),
        ({"score_projection": 1}, TypeError, "callable"),
    ],
)
def test_settings_that_cannot_be(
    settings: Any, error: type, match: str, methods: ModuleType
) -> None:
    model = Small()
    given = {"target_layer": model.blocks[0], "score_projection": model.project} | settings
    with pytest.raises(error, match=match):
        methods.LeGrad(model, **given)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({}, "square patch grid"),
        ({"grid_shape": (2, 2)}, "does not match"),
        ({"prefix_tokens": 7}, "at least one patch"),
    ],
)
def test_grids_that_cannot_be(settings: Any, match: str, methods: ModuleType) -> None:
    model = Small()
    with methods.LeGrad(
        model, model.blocks[0], score_projection=model.project, **settings
    ) as extractor:
        scores = model(torch.randn(1, 3, 2, 3))
        with pytest.raises(ValueError, match=match):
            extractor(0, scores)
