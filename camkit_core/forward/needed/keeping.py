"""Calls that keep rows apart: to give some rows, they need these rows of what they read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Tensor

from ..tape import Call
from .rows import Given, Need, Rows, Where, leaves

Rule = Callable[[Given, Rows], Need | None]


def resting_dropout(call: Call) -> bool:
    """Whether a call is a dropout that hands its input on, even if it may work in place."""
    args = call.args
    training = args[2] if len(args) > 2 else call.kwargs.get("training", True)
    return call.function is F.dropout and training is False


def elementwise(given: Given, rows: Rows) -> Need | None:
    """Each value is made of those at the same place; shorter tensors are stretched."""
    values = [*given.call.args, *given.call.kwargs.values()]
    if any(value is True for value in values) and not resting_dropout(given.call):
        return None  # in training, or in place
    reads, axes = {}, len(given.result)
    for where, leaf in leaves(given.call):
        shape = given.shape(leaf)
        axis = rows.axis - axes + len(shape)
        if axis >= 0 and shape[axis] == given.result[rows.axis]:
            reads[where] = rows.along(axis)
    return Need(reads)


def first_alone(given: Given, rows: Rows) -> Need | None:
    """The first tensor is changed; of the second, no value is read."""
    return Need({(0,): rows, (1,): Rows(0, 0, 0)})


def linear(given: Given, rows: Rows) -> Need | None:
    """The last axis is mixed, and no other."""
    last = len(given.result) - 1
    where: Where = (0,) if given.call.args else ("input",)
    return None if rows.axis == last else Need({where: rows})


def normalised(given: Given, rows: Rows) -> Need | None:
    """The last axes are mixed, as many as there are in the given shape."""
    inner = given.option(1, "normalized_shape")
    return Need({(0,): rows}) if rows.axis < len(given.first) - len(inner) else None


def along_axis(given: Given, rows: Rows) -> Need | None:
    """One axis is mixed, or cut."""
    number = given.option(1, "dim")
    if not isinstance(number, int):
        return None
    return Need({(0,): rows}) if given.axis(number, given.first) != rows.axis else None


def pieces(given: Given, rows: Rows) -> Need | None:
    """Cut into pieces along an axis, which stays."""
    axis = given.axis(given.option(2, "dim", 0), given.first)
    return Need({(0,): rows}) if axis != rows.axis else None


def unbound(given: Given, rows: Rows) -> Need | None:
    """Cut into slices along an axis, which goes."""
    axis = given.axis(given.option(1, "dim", 0), given.first)
    return Need({(0,): rows.along(rows.axis + (axis <= rows.axis))})


def joined(given: Given, rows: Rows) -> Need | None:
    """Joined along an axis: of each part the rows that fall into it; parts without any go."""
    axis = given.axis(given.option(1, "dim", given.option(1, "axis", 0)), given.result)
    if axis != rows.axis:
        return Need({where: rows for where, _ in leaves(given.call)})
    reads, left_out, before = {}, set(), 0
    for where, leaf in leaves(given.call):
        size = given.shape(leaf)[axis]
        own = Rows(axis, *(min(max(end - before, 0), size) for end in (rows.start, rows.stop)))
        if own.count:
            reads[where] = own
        else:
            left_out.add(where)
        before += size
    return Need(reads, left_out=frozenset(left_out)) if reads else None


def stacked(given: Given, rows: Rows) -> Need | None:
    """Joined along a new axis."""
    axis = given.axis(given.option(1, "dim", 0), given.result)
    own = rows.along(rows.axis - (axis < rows.axis))
    return None if axis == rows.axis else Need({where: own for where, _ in leaves(given.call)})


def product(given: Given, rows: Rows) -> Need | None:
    """A matrix product: rows are those of the first factor, columns those of the second."""
    axes, reads = len(given.result), {}
    for where, own in (((0,), axes - 2), ((1,), axes - 1)):
        shape = given.shape(given.call.args[where[0]])
        axis = rows.axis - axes + len(shape)
        if len(shape) < 2 or axes < 2:
            return None
        batch = rows.axis < axes - 2 and axis >= 0 and shape[axis] > 1
        if rows.axis == own or batch:
            reads[where] = rows.along(axis)
    return Need(reads)


def attention(given: Given, rows: Rows) -> Need | None:
    """Each query is answered by itself, by all keys and values."""
    axes = len(given.result)
    if rows.axis != axes - 2 or given.option(5, "is_causal", False):
        return None
    reads: dict[Where, Rows] = {(0,): rows}
    mask = given.option(3, "attn_mask")
    if mask is not None:
        shape = given.shape(mask)
        where: Where = (3,) if len(given.call.args) > 3 else ("attn_mask",)
        if shape[-2] > 1:
            reads[where] = rows.along(len(shape) - 2)
    return Need(reads)


def multi_head_attention(given: Given, rows: Rows) -> Need | None:
    """The same for torch's own attention, whose tokens are on the first axis."""
    masked = given.call.kwargs.get("attn_mask") is not None or len(given.call.args) > 14
    if rows.axis != 0 or masked or given.call.kwargs.get("is_causal"):
        return None
    return Need({(0,): rows})


def _named(names: str) -> list[Any]:
    owners = (torch, Tensor, F)
    found = [getattr(owner, name, None) for name in names.split() for owner in owners]
    return [function for function in found if function is not None]


_ELEMENTWISE = """
    add sub mul div true_divide __add__ __radd__ __sub__ __rsub__ __mul__ __rmul__ __truediv__
    __rtruediv__ neg __neg__ pow __pow__ square sqrt rsqrt exp log abs clamp sigmoid tanh relu
    relu6 gelu silu mish elu selu leaky_relu hardswish hardsigmoid softplus dropout
    alpha_dropout feature_alpha_dropout contiguous clone float double half bfloat16 to type
    maximum minimum where lerp addcmul nan_to_num
"""
PRODUCTS = _named("matmul __matmul__ bmm")
KEEPING: dict[Any, Rule] = {
    **dict.fromkeys(_named(_ELEMENTWISE), elementwise),
    **dict.fromkeys(_named("linear"), linear),
    **dict.fromkeys(_named("layer_norm rms_norm"), normalised),
    **dict.fromkeys(_named("softmax log_softmax"), along_axis),
    **dict.fromkeys(_named("chunk split tensor_split"), pieces),
    **dict.fromkeys(_named("unbind"), unbound),
    **dict.fromkeys(_named("cat concat"), joined),
    **dict.fromkeys(_named("stack"), stacked),
    **dict.fromkeys(PRODUCTS, product),
    Tensor.type_as: first_alone,
    F.scaled_dot_product_attention: attention,
    F.multi_head_attention_forward: multi_head_attention,
}
