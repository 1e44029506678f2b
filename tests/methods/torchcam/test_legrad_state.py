"""What LeGrad keeps of a forward pass, and what it says if some of it is gone."""

from __future__ import annotations

from functools import partial
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import VisionTransformer

from helpers.torchcam_situations import Library, hook_count


@pytest.fixture
def model() -> VisionTransformer:
    made = VisionTransformer(32, 8, 2, 2, 32, 64, num_classes=10)
    nn.init.normal_(made.heads.head.weight)
    return made.eval()


@pytest.fixture
def images() -> Tensor:
    return torch.randn(1, 3, 32, 32)


@pytest.mark.parametrize("name", ["hook_attn", "hook_a"])
def test_a_pass_that_is_not_whole(
    name: str, methods: ModuleType, model: VisionTransformer, images: Tensor
) -> None:
    with methods.LeGrad(model, model.encoder.layers[-1]) as extractor:
        scores = model(images)
        getattr(extractor, name)[0] = None
        with pytest.raises(AssertionError, match="every LeGrad target block"):
            extractor.compute_cams(0, scores)


def test_options_that_were_not_kept(methods: ModuleType, model: VisionTransformer) -> None:
    block, query = model.encoder.layers[0], torch.randn(1, 17, 32)
    with methods.LeGrad(model, block) as extractor:
        model(torch.randn(1, 3, 32, 32))
        (attention,) = extractor.hook_attn
        extractor._weight_options[0] = None
        with pytest.raises(RuntimeError, match="missing original attention return options"):
            extractor._capture_attention(
                block.self_attention, (query, query, query), {}, (query, attention)
            )


def test_hooks_are_removed(methods: ModuleType, model: VisionTransformer) -> None:
    before = hook_count(model)
    extractor = methods.LeGrad(model, model.encoder.layers[0])
    assert hook_count(model) == before + 3
    extractor.remove_hooks()
    assert hook_count(model) == before
    assert extractor.hook_handles == []


def test_disabled_hooks_change_nothing(
    methods: ModuleType, model: VisionTransformer, images: Tensor
) -> None:
    plain = model(images)
    with methods.LeGrad(model, model.encoder.layers[0], enable_hooks=False) as extractor:
        assert torch.equal(model(images), plain)
        assert extractor.hook_a == extractor.hook_attn == [None]


def test_metrics_take_it(library: Library, model: VisionTransformer, images: Tensor) -> None:
    with library("methods").LeGrad(model, model.encoder.layers[-1]) as extractor:
        softmax = partial(torch.softmax, dim=-1)
        metric = library("metrics").ClassificationMetric(extractor, softmax)
        metric.update(images)
        assert set(metric.summary()) == {"avg_drop", "conf_increase"}


def test_it_takes_no_targets(methods: ModuleType, model: VisionTransformer, images: Tensor) -> None:
    with methods.LeGrad(model, model.encoder.layers[-1]) as extractor:
        output = model(images)
        with pytest.raises(ValueError, match="does not support"):
            extractor(scores=output, targets=lambda row: row[0])
