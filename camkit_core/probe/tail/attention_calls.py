"""Attention in one form: whatever way a model computes it, as the fused call between its products.

torch's own multi-head attention has its linear layers inside; others compute products and softmax
one by one. In one form, what follows needs to know one alone.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Size, Tensor, nn

from ...forward.tape import Call, Slot, Tape, slots_in

_PRODUCTS = (torch.matmul, Tensor.matmul, Tensor.__matmul__)
_SOFTMAX = (torch.softmax, Tensor.softmax, F.softmax)
_SCALES = (torch.mul, Tensor.mul, Tensor.__mul__, Tensor.div, torch.div, Tensor.__truediv__)
_SHIFTS = (torch.add, Tensor.add, Tensor.__add__)
_SAME = (F.dropout, torch.dropout, Tensor.to, Tensor.contiguous)


def with_plain_attention(tape: Tape) -> Tape:
    """The same calls, with each attention as `scaled_dot_product_attention`, where it can be."""
    plain = tape.like(tape.output)
    for call in tape.calls:
        own = call.function is F.multi_head_attention_forward
        calls = _unfolded(plain, call) if own else None
        plain.calls += calls or [call]
    return _fused(plain)


# torch's own


def _unfolded(tape: Tape, call: Call) -> list[Call] | None:
    """Multi-head attention as linear layers and attention; None where it has more to it."""
    given = inspect.signature(call.function).bind(*call.args, **call.kwargs)
    given.apply_defaults()
    own = given.arguments
    inputs = [own["query"], own["key"], own["value"]]
    more = any(own[name] is not None and own[name] is not False for name in _MORE)
    slots = all(isinstance(each, Slot) and len(tape.sizes[each.index]) == 3 for each in inputs)
    if more or not slots or len(call.results) != 1:
        return None
    calls: list[Call] = []

    def note(shape: tuple[int, ...], function: Any, *args: Any) -> Slot:
        slot = tape.new_slot(Size(shape))
        calls.append(Call(function, args, {}, (slot.index,)))
        return slot

    heads = own["num_heads"]
    split = []  # query, key and value, (N, h, L, D)
    for index, tensor in enumerate(inputs):
        count, images, width = tape.sizes[tensor.index]
        weight, bias = (_part(own[name], index) for name in ("in_proj_weight", "in_proj_bias"))
        rows = note((count, images, width), F.linear, tensor, weight, bias)
        each = heads, width // heads
        rows = note((count, images, *each), Tensor.unflatten, rows, -1, each)
        split.append(note((images, heads, count, each[1]), Tensor.permute, rows, 1, 2, 0, 3))
    rows = note(tape.sizes[split[0].index], F.scaled_dot_product_attention, *split)
    count, images, width = tape.sizes[inputs[0].index]
    rows = note((count, images, *each), Tensor.permute, rows, 2, 0, 1, 3)
    rows = note((count, images, width), Tensor.flatten, rows, 2)
    last = rows, own["out_proj_weight"], own["out_proj_bias"]
    return [*calls, Call(F.linear, last, {}, call.results)]


_MORE = (
    "bias_k",
    "bias_v",
    "add_zero_attn",
    "training",
    "key_padding_mask",
    "attn_mask",
    "use_separate_proj_weight",
    "static_k",
    "static_v",
    "is_causal",
)


def _part(parameter: Tensor | None, index: int) -> Tensor | None:
    """A third of a packed parameter, which is a parameter as well: it belongs to no image."""
    if parameter is None:
        return None
    return nn.Parameter(parameter.detach().chunk(3)[index], requires_grad=False)


# step by step


def _fused(tape: Tape) -> Tape:
    """A softmax between two products as one call, where nobody else reads what is between them."""
    graph = _Graph(tape)
    replaced: dict[int, list[Call]] = {}
    for position, call in enumerate(tape.calls):
        if call.function in _SOFTMAX:
            replaced |= _attention(graph, position)
    fused = tape.like(tape.output)
    for position, call in enumerate(tape.calls):
        fused.calls += replaced.get(position, [call])
    return fused


class _Graph:
    """Which call makes a slot, and which read it."""

    def __init__(self, tape: Tape) -> None:
        self.tape, self.calls = tape, tape.calls
        self.makers = {slot: i for i, call in enumerate(self.calls) for slot in call.results}
        self.readers: dict[int, list[int]] = {slot: [-1] for slot in slots_in(tape.output)}
        for position, call in enumerate(self.calls):
            for slot in slots_in((call.args, call.kwargs)):
                self.readers.setdefault(slot, []).append(position)

    def before(self, position: int) -> int | None:
        """The call whose result a call reads first, and nobody else does."""
        args = self.calls[position].args
        source = args[0].index if args and isinstance(args[0], Slot) else -1
        return self.makers.get(source) if self.readers.get(source) == [position] else None

    def after(self, position: int) -> int | None:
        """The only call that reads a call's result, and does so first."""
        readers = self.readers.get(self.calls[position].results[0], [])
        only = readers[0] if len(readers) == 1 and readers[0] >= 0 else None
        return only if only is not None and self.before(only) == position else None

    def chain(self, position: int, step: Any, allowed: tuple[Any, ...]) -> list[int]:
        """The positions from a call on to a product, in steps; none if other calls come first."""
        found = []
        while (position := step(position)) is not None:
            found.append(position)
            if self.calls[position].function in _PRODUCTS:
                return found
            if self.calls[position].function not in allowed:
                break
        return []


def _attention(graph: _Graph, softmax: int) -> dict[int, list[Call]]:
    """What stands in the place of each call of the attention round a softmax, if it is one."""
    tape, calls = graph.tape, graph.calls
    axes = len(tape.sizes[calls[softmax].results[0]])
    before = graph.chain(softmax, graph.before, (*_SCALES, *_SHIFTS, *_SAME))
    after = graph.chain(softmax, graph.after, _SAME)
    named = _scale_and_mask([calls[position] for position in before[:-1]])
    if _axis(calls[softmax]) not in (-1, axes - 1) or not (before and after) or named is None:
        return {}
    slots = *calls[before[-1]].args, calls[after[-1]].args[1]
    if len(slots) != 3 or not all(isinstance(each, Slot) for each in slots):
        return {}
    query, keys, values = slots
    shape = tape.sizes[keys.index]
    turned = tape.new_slot(Size((*shape[:-2], shape[-1], shape[-2])))
    inputs, results = (query, turned, values), calls[after[-1]].results
    gone: dict[int, list[Call]] = {position: [] for position in (*before, softmax, *after)}
    return gone | {
        after[-1]: [
            Call(Tensor.transpose, (keys, -2, -1), {}, (turned.index,)),
            Call(F.scaled_dot_product_attention, inputs, named, results),
        ]
    }


def _scale_and_mask(calls: list[Call]) -> dict[str, Any] | None:
    """What scores are multiplied by and then added to, by the calls from the last to the first."""
    scale, mask = 1.0, None
    for call in calls:
        if call.function in _SAME:
            continue
        other = call.args[1] if len(call.args) == 2 and not call.kwargs else None
        if call.function in _SCALES and isinstance(other, (int, float)):
            scale = scale / other if "div" in call.function.__name__ else scale * other
        elif call.function in _SHIFTS and isinstance(other, Tensor) and scale == 1.0:
            mask = other if mask is None else mask + other
        else:
            return None
    return {"attn_mask": mask, "scale": scale}


def _axis(call: Call) -> Any:
    return call.args[1] if len(call.args) > 1 else call.kwargs.get("dim")
