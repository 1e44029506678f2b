"""LeGrad: calls, outputs and projections that it does not take."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from helpers.torchcam_situations import Small

IMAGES = torch.randn(1, 3, 2, 2, generator=torch.Generator().manual_seed(0))


def cross(layer: Any, x: Tensor) -> Any:
    return layer(x, x.flip(1), x.flip(1))


class Attention(nn.MultiheadAttention):
    """What it returns as weights is changed."""

    change: Any = None

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        output, weights = super().forward(*args, **kwargs)
        return output, self.change(weights)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda weights: None, "per-head attention probabilities"),
        (lambda weights: weights.mean(1), "probabilities shaped"),
        (lambda weights: weights[..., :-1], "incompatible attention probability shape"),
    ],
)
def test_attention_that_returns_something_else(
    change: Any, match: str, methods: ModuleType
) -> None:
    model = Small()
    model.blocks[0].self_attention = Attention(8, 2, batch_first=True)
    model.blocks[0].self_attention.change = change
    with (
        methods.LeGrad(model, model.blocks[0], score_projection=model.project),
        pytest.raises(ValueError, match=match),
    ):
        model(IMAGES)


def test_calls_of_attention_that_cannot_be(methods: ModuleType) -> None:
    model, x = Small(attend=cross), torch.randn(1, 5, 8)
    row = x[0]
    layer = model.blocks[0].self_attention
    with methods.LeGrad(model, model.blocks[0], score_projection=model.project):
        with pytest.raises(ValueError, match="self-attention"):
            model(IMAGES)
        with pytest.raises(ValueError, match="tensor query"):
            layer(x, None, x)
        with pytest.raises(ValueError, match="batch, tokens, embedding"):
            layer(row, row, row)
        with pytest.raises(RuntimeError, match="gradient tracking"), torch.inference_mode():
            model(IMAGES)


def test_dropout_of_attention_cannot_be(methods: ModuleType) -> None:
    model = Small(dropout=0.1).train()
    with (
        methods.LeGrad(model, model.blocks[0], score_projection=model.project),
        pytest.raises(ValueError, match="dropout"),
    ):
        model(IMAGES)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (lambda tokens: tokens.mean(), ValueError, "class logits"),
        (lambda tokens: tokens.detach().mean(1), RuntimeError, "not connected"),
    ],
)
def test_projections_that_cannot_be(
    change: Any, error: type, match: str, methods: ModuleType
) -> None:
    model = Small()
    with (
        methods.LeGrad(model, model.blocks[0], score_projection=change) as extractor,
        pytest.raises(error, match=match),
    ):
        extractor(0, model(IMAGES))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda tokens: tokens.mean(1, keepdim=True)[:, 0], "must return tokens"),
        (lambda tokens: tokens[:, :-1], "attention keys and target-block tokens"),
    ],
)
def test_outputs_of_blocks_that_cannot_be(change: Any, match: str, methods: ModuleType) -> None:
    model = Small(blocks=1)
    plain = model.blocks[0].forward
    model.blocks[0].forward = lambda tokens: change(plain(tokens))
    with (
        methods.LeGrad(model, model.blocks[0], score_projection=model.project) as extractor,
        pytest.raises(ValueError, match=match),
    ):
        extractor(0, model(IMAGES))
