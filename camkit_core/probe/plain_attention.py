"""Attention without fused kernels, in one thread alone."""

from __future__ import annotations

from types import FunctionType
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Tensor
from torch.overrides import TorchFunctionMode


class PlainAttention(TorchFunctionMode):
    """While active, attention is computed by the same calls as under `SDPBackend.MATH`.

    That setting is one for all threads, so it would change what other threads predict meanwhile.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _PLAIN.get(func, func)(*args, **(kwargs or {}))


def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        zeros = torch.zeros_like(attn_mask, dtype=query.dtype)
        attn_mask = zeros.masked_fill(~attn_mask, -torch.inf)
    result: Tensor = torch.ops.aten._scaled_dot_product_attention_math(
        query, key, value, attn_mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa
    )[0]
    return result


def _with_plain_attention(function: Any) -> Any:
    """A function of torch that has another attention under the same name."""
    names = {**function.__globals__, "scaled_dot_product_attention": _attention}
    copy = FunctionType(function.__code__, names, argdefs=function.__defaults__)
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


# Torch looks for modes at the first call alone, not at those that its function makes.
_PLAIN = {
    F.scaled_dot_product_attention: _attention,
    F.multi_head_attention_forward: _with_plain_attention(F.multi_head_attention_forward),
}
