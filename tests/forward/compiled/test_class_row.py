"""The gradient that begins at a row of the last layer's weights is autograd's, bit for bit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from camkit_core.forward.compiled.class_row import before_classes

HEAD = nn.Linear(4, 3)


def _features(count: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, 4, generator=generator).requires_grad_()


@pytest.mark.parametrize("count", [1, 2])
def test_it_is_the_gradient_by_autograd(count: int) -> None:
    features = _features(count)
    scores = HEAD(features * features)[:, 2]
    begun = before_classes(scores)
    assert begun
    begin, row = begun
    [gradient] = torch.autograd.grad(begin, features, row, retain_graph=True)
    [expected] = torch.autograd.grad(scores.sum(), features)
    assert torch.equal(gradient, expected)


def test_it_shares_no_memory_with_the_weights() -> None:
    begun = before_classes(HEAD(_features(1))[:, 2])
    assert begun
    begun[1].zero_()
    assert HEAD.weight.all()


OTHERS: dict[str, Callable[[Tensor], Tensor]] = {
    "a sum of scores": lambda x: HEAD(x).sum(1),
    "an image's score": lambda x: HEAD(x)[0],
    "a probability": lambda x: HEAD(x).softmax(1)[:, 2],
    "a feature": lambda x: (x * 2)[:, 2],
    "a scaled layer": lambda x: torch.addmm(HEAD.bias, x, HEAD.weight.T, alpha=2)[:, 2],
    "a layer of constants": lambda x: HEAD(x.detach())[:, 2],
    "a number": lambda x: x.detach()[:, 2],
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_scores_have_no_row(kind: str) -> None:
    assert before_classes(OTHERS[kind](_features(2))) is None
