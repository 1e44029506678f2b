"""Attention of few queries, whose keys and values are not computed.

The keys of tokens x are linear, K x, so that a query q scores them by q (K x) = (q K) x. The values
are linear, too: the attention a mixes them to a (V x) = V (a x). Where a class token alone asks,
two products with one row a head stand in for two linear layers of all tokens, backwards as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Tensor

from .keeping import PRODUCTS, attention, product
from .parts import Part, Parts, Source
from .rows import Given, Need, Rows, Where
from .steps import Step


@dataclass(frozen=True)
class FewQueries:
    """The attention, or one of its two products, in place of a call.

    Attributes:
        keys: the linear layer's part that the keys are; None if they are computed.
        values: the same for the values.
        fused: whether the call is the whole attention, and no single product.
        asked: the rows of the result; None for all.
    """

    keys: Part | None
    values: Part | None
    fused: bool
    asked: Rows | None

    @property
    def sources(self) -> list[tuple[Part, Rows | None]]:
        """The parts that stand in for arguments, each of all tokens."""
        return [(part, None) for part in (self.keys, self.values) if part]

    @property
    def unread(self) -> set[Where]:
        """The arguments that are not read."""
        second = {(1,)} if self.keys or not self.fused else set()
        return second | ({(2,)} if self.values and self.fused else set())

    @property
    def held(self) -> dict[int, Rows | None]:
        """The result's rows."""
        return {0: self.asked}

    def __call__(self, args: Any, kwargs: Any, sources: list[Source]) -> list[Tensor]:
        """What the call gives."""
        given = iter(sources)
        if self.fused:
            return [self._attention(given, *args, **kwargs)]
        factor, source = args[0], next(given)
        if self.keys:
            result, bias = scores(factor, self.keys, source), _bias(self.keys, source)
            return [result if bias is None else result + (factor * bias).sum(-1, keepdim=True)]
        assert self.values
        result, bias = mixed(factor, self.values, source), _bias(self.values, source)
        return [result if bias is None else result + factor.sum(-1, keepdim=True) * bias]

    def _attention(
        self,
        sources: Any,
        query: Tensor,
        key: Any,
        value: Any,
        attn_mask: Tensor | None = None,
        scale: float | None = None,
        **_: Any,
    ) -> Tensor:
        query = query * (query.shape[-1] ** -0.5 if scale is None else scale)
        # A bias of the keys adds the same to all scores of a query, which the softmax takes away.
        asked = scores(query, self.keys, next(sources)) if self.keys else query @ key.mT
        if attn_mask is not None:
            masked = attn_mask.dtype == torch.bool
            asked = asked.masked_fill(~attn_mask, -torch.inf) if masked else asked + attn_mask
        shares = asked.softmax(-1)
        if self.values is None:
            return torch.matmul(shares, value)
        source = next(sources)
        result, bias = mixed(shares, self.values, source), _bias(self.values, source)
        return result if bias is None else result + bias  # as the shares are one together


def scores(query: Tensor, keys: Part, source: Source) -> Tensor:
    """Queries (N, h, S, D) times the keys without their bias: (N, h, S, T)."""
    tokens, layer = source
    weight, _ = keys.parameters(layer)
    asking = _by_head(query, weight.view(*keys.sizes, -1)).flatten(1, 2)
    return torch.bmm(asking, tokens.mT).view(*query.shape[:3], -1)


def mixed(shares: Tensor, values: Part, source: Source) -> Tensor:
    """Attention (N, h, S, T) times the values without their bias: (N, h, S, D)."""
    tokens, layer = source
    weight, _ = values.parameters(layer)
    read = torch.bmm(shares.flatten(1, 2), tokens).view(*shares.shape[:3], -1)
    return _by_head(read, weight.view(*values.sizes, -1).mT)


def _by_head(rows: Tensor, weights: Tensor) -> Tensor:
    """Rows (N, h, S, D) times one matrix a head (h, D, E): (N, h, S, E)."""
    images, heads, count, _ = rows.shape
    result = torch.bmm(rows.transpose(0, 1).flatten(1, 2), weights)
    return result.view(heads, images, count, -1).transpose(0, 1)


def _bias(part: Part, source: Source) -> Tensor | None:
    """The bias of keys or values, (h, 1, D)."""
    _, bias = part.parameters(source[1])
    return None if bias is None else bias.view(part.sizes[0], 1, -1)


def few_queries(parts: Parts, given: Given, rows: Rows | None) -> Step | None:
    """A call of attention by few queries, or of one of its products; None if it is another."""
    call = given.call
    if call.function is F.scaled_dot_product_attention:
        need = attention(given, rows) if rows else Need()
        more = any(call.kwargs.get(name) for name in ("dropout_p", "is_causal", "enable_gqa"))
        if need is None or more or len(call.args) not in (3, 4):
            return None
        keys, values = (_of_few(parts, given, rows, call.args[index]) for index in (1, 2))
        fitting = FewQueries(_along(2, keys), _along(2, values), True, rows)
    elif call.function in PRODUCTS and len(call.args) == 2:
        need = product(given, rows) if rows else Need()
        part = _of_few(parts, given, rows, call.args[1])
        fitting = FewQueries(_along(3, part), _along(2, part), False, rows)
    else:
        return None
    return Step(rows, need, fitting) if need and fitting.sources else None


def _along(axis: int, part: Part | None) -> Part | None:
    return part if part and part.axis == axis else None


def _of_few(parts: Parts, given: Given, rows: Rows | None, leaf: Any) -> Part | None:
    """The part that keys or values are, if so few queries ask that it need not be computed."""
    asking = given.shape(given.call.args[0])
    part = parts.of(leaf) if len(asking) == 4 else None
    if part is None or len(part.sizes) != 2 or part.sizes[0] != asking[1]:
        return None
    queries = rows.count if rows and rows.axis == 2 else asking[2]
    width, count = part.sizes[1], part.count
    return part if 2 * queries * (width + count) <= width * count else None
