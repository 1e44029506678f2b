"""Whether the answer is read off a layer position by position, so that the layer is the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod

from ...forward.operations import (
    AFFINE,
    ELEMENTWISE,
    HANDED_ON,
    LINKS,
    PRODUCTS,
    REDUCTIONS,
    named,
)
from ...forward.tape import Call, slots_in
from ..layout import Layout
from .flow import Flow, name_of

_WEIGHTED = named("linear matmul")
_PLACEWISE = (AFFINE | ELEMENTWISE | LINKS | named("normalize")) - named(
    """
    linear matmul __matmul__ einsum adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d
    """
)


def affine_tail(flow: Flow, start: int, ends: Iterable[int]) -> bool:
    """Whether the outputs are an affine function of a tensor, but for what is done at the last.

    That is a sigmoid or softmax, or a number for all channels at a place, such as their maximum.

    Args:
        flow: a stopped tape.
        start: the tensor's slot.
        ends: the slots of the outputs that the score reads.
    """
    live, bent, done = {start}, set[int](), set[int]()
    for position, (call, reads) in enumerate(zip(flow.calls, flow.reads, strict=True)):
        mine = [slot for slot in reads if slot in live]
        if not mine:
            continue
        live.update(call.results)
        if not bent.isdisjoint(mine):
            bent.update(call.results)
        elif done.issuperset(mine) or _ends_here(flow, position):
            done.update(call.results)
        elif not _affine(flow, position, len(mine)):
            bent.update(call.results)
    return not live.isdisjoint(ends) and bent.isdisjoint(ends)


def _affine(flow: Flow, position: int, operands: int) -> bool:
    name = name_of(flow.calls[position])
    return name in AFFINE and (operands == 1 or name not in PRODUCTS)


def _ends_here(flow: Flow, position: int) -> bool:
    """Whether a call that is not affine is the last but for others such, and for selection."""
    name = name_of(flow.calls[position])
    return name not in AFFINE and _is_last(flow, position) and _selected_alone(flow, position)


def _is_last(flow: Flow, position: int) -> bool:
    name = name_of(flow.calls[position])
    return name in LINKS or (name in REDUCTIONS and reduces_one_axis(flow, position))


def reduces_one_axis(flow: Flow, position: int) -> bool:
    """Whether all axes of what a call reads first are those of its result, but for one."""
    old, new = (flow.shapes[flow.reads[position][0]], flow.shapes[flow.calls[position].results[0]])
    if len(old) == len(new):
        return sum(a != b for a, b in zip(old, new, strict=True)) <= 1
    return any(old[:axis] + old[axis + 1 :] == new for axis in range(1, len(old)))


def _selected_alone(flow: Flow, position: int) -> bool:
    """Whether what follows a call computes no more sums of products."""
    below = set(flow.calls[position].results)
    for later in range(position + 1, len(flow.calls)):
        if below.isdisjoint(flow.reads[later]):
            continue
        below.update(flow.calls[later].results)
        name = name_of(flow.calls[later])
        if weighs(flow, later) or not (name in AFFINE or _is_last(flow, later)):
            return False
    return True


def weighs(flow: Flow, position: int) -> bool:
    """Whether a call makes sums of products of channels; one that smooths a single map does not."""
    name = name_of(flow.calls[position])
    several = flow.shapes[flow.reads[position][0]][1:2] != (1,)
    return (name.startswith("conv") and several) or name in _WEIGHTED


def placewise_tail(flow: Flow, start: int, ends: Iterable[int]) -> bool:
    """Whether the outputs are one number for each place, made of a tensor without any weights.

    So are a norm of what is normalised, and how far maps are from other maps.

    Args:
        flow: a stopped tape.
        start: the tensor's slot.
        ends: the slots of the outputs that the score reads.
    """
    live, reduces = {start}, False
    for position, (call, reads) in enumerate(zip(flow.calls, flow.reads, strict=True)):
        if live.isdisjoint(reads) or not call.results:
            continue
        live.update(call.results)
        if name_of(call) in REDUCTIONS:
            if not reduces_one_axis(flow, position):
                return False
            reduces = True
        elif name_of(call) not in _PLACEWISE or weighs(flow, position):
            return False
    return reduces and not live.isdisjoint(ends)


def handed_on(flow: Flow, start: int, ends: Iterable[int], alone: bool = False) -> bool:
    """Whether a tensor reaches the outputs as it is: cut, joined, moved, rescaled, squashed.

    Args:
        flow: a stopped tape.
        start: the tensor's slot.
        ends: the slots of the outputs that the score reads.
        alone: whether it stays itself only where it does not become a factor of more channels.
    """
    live = {start}
    for call, reads in zip(flow.calls, flow.reads, strict=True):
        if live.isdisjoint(reads) or name_of(call) not in HANDED_ON:
            continue
        if alone and name_of(call) in ELEMENTWISE and _broadcast(flow, call, live):
            continue
        live.update(call.results)
    return not live.isdisjoint(ends)


def _broadcast(flow: Flow, call: Call, live: set[int]) -> bool:
    """Whether the result has more values than any operand that counts."""
    sizes = [prod(flow.shapes[slot]) for slot in slots_in((call.args, call.kwargs)) if slot in live]
    return any(prod(flow.shapes[slot]) > max(sizes) for slot in call.results)


def reduced(flow: Flow, certified: Mapping[int, Layout]) -> set[int]:
    """The slots that hold one number for each place of maps, made of all of its channels there."""
    found: set[int] = set()
    for call, reads in zip(flow.calls, flow.reads, strict=True):
        if name_of(call) not in REDUCTIONS or not reads or reads[0] not in certified:
            continue
        layout, old = certified[reads[0]], flow.shapes[reads[0]]
        channels = 1 if layout.channels_first else len(old) - 1
        places = old[:channels], old[channels + 1 :]
        alone = places[0] + places[1], (*places[0], 1, *places[1])
        found.update(slot for slot in call.results if flow.shapes[slot] in alone)
    return found
