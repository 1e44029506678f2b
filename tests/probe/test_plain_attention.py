"""Attention without fused kernels: the values of torch's setting, which is one for all threads."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

import camkit_core as camkit
from camkit_core.probe.plain_attention import PlainAttention
from helpers.at_once import at_once

MASK = torch.ones(6, 6, dtype=torch.bool).tril()


@pytest.mark.parametrize(
    "settings",
    [{}, {"attn_mask": MASK}, {"attn_mask": MASK * 0.5}, {"is_causal": True}, {"scale": 0.3}],
)
def test_the_values_are_those_of_the_math_backend(settings: dict[str, Any]) -> None:
    query, key, value = torch.randn(3, 2, 2, 6, 4)
    with sdpa_kernel(SDPBackend.MATH):
        expected = F.scaled_dot_product_attention(query, key, value, **settings)
    with PlainAttention():
        assert torch.equal(F.scaled_dot_product_attention(query, key, value, **settings), expected)


def test_multi_head_attention_has_the_same_values_too() -> None:
    attention, tokens = nn.MultiheadAttention(8, 2), torch.randn(6, 1, 8)
    with sdpa_kernel(SDPBackend.MATH):
        expected, _ = attention(tokens, tokens, tokens, need_weights=False)
    with PlainAttention():
        assert torch.equal(attention(tokens, tokens, tokens, need_weights=False)[0], expected)


class Attending(nn.Module):
    """Notes what another thread sees of the kernels, in each run."""

    seen: ClassVar[list[bool]] = []

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.head = nn.Conv2d(3, 8, 4, 4), nn.Linear(8, 3)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.stem(images).flatten(2).transpose(1, 2)[:, None]
        self.seen.extend(at_once([torch.backends.cuda.flash_sdp_enabled]))
        return self.head(F.scaled_dot_product_attention(tokens, tokens, tokens)[:, 0].mean(1))


def test_second_derivatives_leave_other_threads_their_kernels() -> None:
    model = Attending().eval()
    assert camkit.explain(model, torch.randn(1, 3, 16, 16), "shapleycam", 1, "stem").cam.any()
    assert len(model.seen) > 1
    assert all(model.seen)
