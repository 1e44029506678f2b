"""Parts of linear layers: queries, keys or values, told by following a layer's features.

What a call makes of a layer's output by moving axes and cutting pieces is a view of it. The strides
of that view tell which features it holds, and where its tokens are. No values are needed for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Size, Tensor

from ..tape import Call, Slot, Tape, slots_in
from .moving import MOVING, TAKING

Layer = tuple[Tensor, Tensor | None]  # weight (O, C) and bias (O,)
Source = tuple[Tensor, Layer]  # tokens (N, T, C), and the layer that reads them


@dataclass(frozen=True, slots=True)
class Part:
    """Some features of a linear layer that reads tokens (N, T, C), in another shape.

    Attributes:
        layer: the slot of the linear layer's output.
        tokens: the slot that the layer reads.
        count: T.
        share: of the layer's features that these are.
        first: the first of them.
        sizes: what they are laid out as, such as heads and width.
        axis: of the tokens; that of the images is 0, and the features have the others in order.
    """

    layer: int
    tokens: int
    count: int
    share: float
    first: int
    sizes: tuple[int, ...]
    axis: int

    def parameters(self, layer: Layer) -> Layer:
        """These features' own weight (F, C) and bias (F,), of the layer's."""
        weight, bias = layer
        features = prod(self.sizes)
        if len(weight) == features:
            return layer
        own = None if bias is None else bias.narrow(0, self.first, features)
        return weight.narrow(0, self.first, features), own

    def of(self, source: Source) -> Tensor:
        """The features of some of the tokens."""
        tokens, layer = source
        rows = F.linear(tokens, *self.parameters(layer))
        return rows.reshape(*rows.shape[:2], *self.sizes).movedim(1, self.axis)


class Parts:
    """Of each slot of a tape, the part of a linear layer that it is."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape

    @cached_property
    def _makers(self) -> dict[int, Call]:
        return {slot: call for call in self.tape.calls for slot in call.results}

    def of(self, leaf: Any) -> Part | None:
        """The part that a slot holds; None if it is anything else."""
        moves: list[tuple[Call, int]] = []
        while isinstance(leaf, Slot) and (call := self._makers.get(leaf.index)):
            if call.function is F.linear:
                return self._part(call, moves)
            given = call.args[0] if call.args else None
            if call.function not in _MOVES or slots_in((call.args[1:], call.kwargs)):
                return None
            moves.append((call, call.results.index(leaf.index)))
            leaf = given
        return None

    def _part(self, layer: Call, moves: list[tuple[Call, int]]) -> Part | None:
        tokens = linear_input(layer)
        whole = self.tape.sizes[layer.results[0]]
        alone = len(slots_in((layer.args, layer.kwargs))) == 1  # and no parameter is computed
        if not isinstance(tokens, Slot) or not alone or len(whole) != 3:
            return None
        base = torch.empty(whole, device="meta")
        view = _viewed(base, moves)
        laid = view is not None and _laid_out(view, whole)
        if not laid:
            return None
        first, sizes, axis = laid
        share = prod(sizes) / whole[2]
        return Part(layer.results[0], tokens.index, whole[1], share, first, sizes, axis)


def linear_input(call: Call) -> Any:
    """What a linear layer reads."""
    return call.args[0] if call.args else call.kwargs.get("input")


def linear_layer(args: Any, kwargs: Any) -> Layer:
    """The weight and bias that a call of a linear layer is given."""
    named = dict(zip(("input", "weight", "bias"), args, strict=False)) | dict(kwargs)
    return named["weight"], named.get("bias")


_MOVES = {*MOVING, *TAKING, torch.unbind, Tensor.unbind, torch.chunk, Tensor.chunk, torch.split}
_MOVES |= {Tensor.split, Tensor.contiguous, torch.tensor_split, Tensor.tensor_split}
_MOVES -= {Tensor.expand}


def _viewed(base: Tensor, moves: list[tuple[Call, int]]) -> Tensor | None:
    """What the moves, the last of them first, make of a tensor; None if it is no view of it."""
    view = base
    for call, index in reversed(moves):
        if call.function is Tensor.contiguous:
            continue
        try:
            result = call.function(view, *call.args[1:], **call.kwargs)
        except RuntimeError:  # a view of what `contiguous` makes, and not of what it is given
            return None
        view = result if isinstance(result, Tensor) else result[index]
    same = view.untyped_storage()._cdata == base.untyped_storage()._cdata
    return view if same else None


def _laid_out(view: Tensor, whole: Size) -> tuple[int, tuple[int, ...], int] | None:
    """The first feature, the sizes of the features, and the axis of all tokens of a view.

    None where images, tokens and features do not have axes of their own.
    """
    images, count, features = whole
    of_tokens = [axis for axis in range(1, view.ndim) if view.stride(axis) == features]
    if len(of_tokens) != 1 or len(view) != images or view.shape[of_tokens[0]] != count:
        return None
    others = [axis for axis in range(1, view.ndim) if axis != of_tokens[0]]
    sizes = tuple(view.shape[axis] for axis in others)
    apart = images == 1 or view.stride(0) == count * features
    ordered = all(
        view.shape[axis] == 1 or view.stride(axis) == prod(sizes[index + 1 :])
        for index, axis in enumerate(others)
    )
    first = int(view.storage_offset())
    return (first, sizes, of_tokens[0]) if apart and ordered and first < features else None
