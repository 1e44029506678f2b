"""compare: what methods and targets share, and how a comparison is indexed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import camkit_core as camkit
from helpers.small_cnn import FIVE, GRADIENT, close, passes, pictures, small


def test_three_methods_and_four_targets_are_one_forward_pass() -> None:
    model, images = small(), pictures()
    sizes = passes(model)
    targets = [None, 1, [2, 3], lambda row: row.sum()]
    camkit.compare(model, images, GRADIENT, targets, "body")
    assert sizes == [1, 2, 1]  # one image for the layer's layout, one for the rows' proof
    sizes.clear()
    comparison = camkit.compare(model, images, GRADIENT, targets, "body")
    assert sizes == [2]
    assert len(comparison) == 12
    assert len(list(comparison)) == 12


def test_a_comparison_is_indexed_by_target_and_by_method_or_its_name() -> None:
    model, images = small(), pictures()
    comparison = camkit.compare(model, images, FIVE, [1, [2, 3]], "body")
    assert comparison.methods == tuple(FIVE)
    assert [explanation.method for explanation in comparison] == FIVE * 2
    assert comparison[1, 3] is comparison[1, "ablationcam"]
    assert comparison[1, "ablationcam"].target.tolist() == [2, 3]
    for row, target in enumerate([1, [2, 3]]):
        for name in FIVE:
            alone = camkit.explain(model, images, name, target, "body")
            assert close(comparison[row, name].cam, alone.cam), name


def test_gradients_of_several_targets_are_pulled_in_one_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, pulls = small(), []
    camkit.compare(model, pictures(), GRADIENT, [0, 1, 2, 3], "body")  # proofs take their own
    grad = torch.autograd.grad
    monkeypatch.setattr(torch.autograd, "grad", lambda *a, **k: (pulls.append(k), grad(*a, **k))[1])
    camkit.compare(model, pictures(), GRADIENT, [0, 1, 2, 3], "body")
    assert [pull["is_grads_batched"] for pull in pulls] == [True]


class OneByOne(torch.autograd.Function):
    """A tail whose backward cannot be batched."""

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        ctx.save_for_backward(features)
        return features.sin()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (features,) = ctx.saved_tensors
        assert float(grad.sum()) is not None  # .item() is refused under vmap
        return grad * features.cos()


def test_a_backward_that_cannot_be_batched_is_run_one_by_one() -> None:
    model, images = small(wrap=OneByOne.apply), pictures()
    comparison = camkit.compare(model, images, ["gradcam"], [0, 1, 2], "body")
    for row in range(3):
        alone = camkit.explain(model, images, "gradcam", row, "body")
        assert close(comparison[row, 0].cam, alone.cam)
