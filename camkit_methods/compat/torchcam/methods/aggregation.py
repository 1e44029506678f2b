"""Attention as torch's layer computes it, with its probabilities on the way to the output."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from camkit_core import ArgumentError, ArgumentTypeError, LayerError, RunError

# Positions of arguments in the call of nn.MultiheadAttention.
_NEED_WEIGHTS, _AVERAGE = 4, 6


def check_attention(block: nn.Module, name: str) -> nn.MultiheadAttention:
    """The block's attention; an error if its probabilities cannot be read."""
    attention = getattr(block, "self_attention", None)
    if not isinstance(attention, nn.MultiheadAttention):
        raise ArgumentTypeError(
            f"target block {name!r} must have a child `self_attention`, an nn.MultiheadAttention"
        )
    faults = {
        "requires batch-first attention": not attention.batch_first,
        "requires shared-dimension Q/K/V projections": attention.in_proj_weight is None
        or not attention.kdim == attention.vdim == attention.embed_dim,
        "does not support added attention tokens": attention.bias_k is not None
        or attention.bias_v is not None
        or attention.add_zero_attn,
    }
    for fault, present in faults.items():
        if present:
            raise LayerError(f"target block {name!r} {fault}")
    return attention


def with_weights(
    module: nn.MultiheadAttention, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any], tuple[bool, bool]]:
    """The arguments, changed so that the layer returns each head's probabilities.

    Returns:
        The arguments by position and by name, and whether the caller asked for probabilities, and
        for their mean over the heads.
    """
    _check_call(module, args)
    given, named = list(args), dict(kwargs)
    if not _tracked(module, args[0]):
        given[:3] = [args[0].detach().requires_grad_()] * 3
    requested = _replace(given, named, _NEED_WEIGHTS, "need_weights", True)
    averaged = _replace(given, named, _AVERAGE, "average_attn_weights", False)
    return tuple(given), named, (requested, averaged)


def _replace(args: list[Any], kwargs: dict[str, Any], place: int, name: str, value: bool) -> bool:
    """Set an argument where the caller gave it, and return what it was."""
    if len(args) > place:
        before, args[place] = args[place], value
    else:
        before, kwargs[name] = kwargs.get(name, True), value
    return bool(before)


def _tracked(module: nn.MultiheadAttention, query: Tensor) -> bool:
    """Whether the probabilities get a graph; of a frozen model the query needs to be a leaf."""
    parameters = (query, module.in_proj_weight, module.in_proj_bias)
    return any(tensor is not None and tensor.requires_grad for tensor in parameters)


def _check_call(module: nn.MultiheadAttention, args: tuple[Any, ...]) -> None:
    if not torch.is_grad_enabled() or torch.is_inference_mode_enabled():
        raise RunError("LeGrad requires a forward pass with gradient tracking enabled")
    if module.training and module.dropout > 0:
        raise ArgumentError("LeGrad does not support active attention dropout; call model.eval()")
    if len(args) < 3 or not all(isinstance(each, Tensor) for each in args[:3]):
        raise ArgumentError("LeGrad requires tensor query, key, and value inputs, by position")
    query, key, value = args[:3]
    if query is not key or query is not value:
        raise ArgumentError(
            "LeGrad only supports self-attention: one tensor as query, key and value"
        )
    if query.ndim != 3:
        raise ArgumentError("LeGrad requires attention inputs shaped (batch, tokens, embedding)")


def aggregated(module: nn.MultiheadAttention, value: Tensor, output: Any) -> tuple[Tensor, Tensor]:
    """The layer's output, computed from the probabilities that it returned, and these.

    torch returns a view that its own output does not depend on.
    """
    attention = output[1] if isinstance(output, tuple) and len(output) == 2 else None
    if not isinstance(attention, Tensor):
        raise ArgumentError("LeGrad requires per-head attention probabilities of the layer")
    if attention.ndim != 4:
        raise ArgumentError(
            "LeGrad requires attention probabilities shaped (batch, heads, queries, keys)"
        )
    batch, keys, width = value.shape
    if (attention.shape[0], attention.shape[1], attention.shape[3]) != (
        batch,
        module.num_heads,
        keys,
    ):
        raise ArgumentError("incompatible attention probability shape")
    bias = None if module.in_proj_bias is None else module.in_proj_bias[2 * width :]
    values = linear(value, module.in_proj_weight[2 * width :], bias)
    heads = values.view(batch, keys, module.num_heads, -1).transpose(1, 2)
    mixed: Tensor = module.out_proj((attention @ heads).transpose(1, 2).flatten(2))
    return mixed, attention
