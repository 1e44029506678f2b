"""Ablation without runs: in closed form where the tail is affine, and only there."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from helpers.tail_runs import QUIET, ablated, drops, images_of
from helpers.tailed import Tail, Tailed

pytestmark = QUIET


class Reversed(torch.autograd.Function):
    """The identity with a reversed gradient, as in domain adaptation."""

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        return features.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return -grad


def partly_without_gradient(model: Any, early: Tensor, features: Tensor) -> Tensor:
    pooled = features.mean((2, 3))
    with torch.no_grad():
        prior = model.head(pooled) * 2
    return prior + model.head(pooled)


def with_a_scaled_gradient(model: Any, early: Tensor, features: Tensor) -> Tensor:
    pooled = features.mean((2, 3))
    if pooled.requires_grad:
        pooled.register_hook(lambda grad: grad * 0.1)
    return model.head(pooled)


def builtin_norm(model: Any, early: Tensor, features: Tensor) -> Tensor:
    norm = model.norm
    mean, spread = norm.running_mean, norm.running_var
    return model.head(
        torch.batch_norm(features, norm.weight, norm.bias, mean, spread, False, 0.1, 1e-5, False)
        .mean((2, 3))
    )  # fmt: skip


HEADS: dict[str, Tail] = {
    "pooled": lambda m, early, x: m.head(x.mean((2, 3))),
    "normed": lambda m, early, x: m.head(m.norm(x).mean((2, 3))),
    "dropout": lambda m, early, x: m.head(F.dropout(x.mean((2, 3)), training=False)),
    "dropout, built in": lambda m, early, x: m.head(torch.dropout(x.mean((2, 3)), 0.5, False)),
    "norm, built in": builtin_norm,
    "floor": lambda m, e, x: m.head(torch.div(x.mean((2, 3)), 0.01, rounding_mode="floor")),
    "trunc": lambda m, e, x: m.head(x.mean((2, 3)).div(0.01, rounding_mode="trunc")),
    "whole numbers": lambda m, e, x: m.head((x.mean((2, 3)) * 9).long().to(x.dtype)),
    "gradient reversed": lambda m, early, x: m.head(Reversed.apply(x.mean((2, 3)))),
    "gradient scaled": with_a_scaled_gradient,
    "gradient in part": partly_without_gradient,
    "gradient elsewhere": lambda m, e, x: m.head(x.detach().mean((2, 3))) + m.read(e + 0 * x),
    "product": lambda m, early, x: m.head(x.mean((2, 3)) * x.amax((2, 3))),
    "quotient": lambda m, early, x: m.head(x.mean((2, 3)) / (1 + x.std((2, 3)))),
    "own statistics": lambda m, e, x: m.head(F.instance_norm(x).amax((2, 3))),
    "relu": lambda m, early, x: m.head(m.relu(x).mean((2, 3))),
    "relu of positive": lambda m, early, x: m.head(m.relu(x).relu().mean((2, 3))),
}  # fmt: skip


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("positive", [False, True])
def test_ablation_without_runs_is_ablation_by_runs(name: str, positive: bool) -> None:
    model, images = Tailed(HEADS[name]), images_of()
    if positive:
        nn.init.constant_(model.layer.bias, 5.0)
    explanation = ablated(model, images)
    expected = drops(model, images, lambda output: output[:, 1])
    assert expected.abs().max() > 0
    assert (explanation.cam - expected).abs().max() <= 1e-9 * expected.abs().max()
