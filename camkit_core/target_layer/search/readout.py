"""Whether the answer is read off a layer position by position, so that the layer is the answer."""

from __future__ import annotations

from collections.abc import Iterable

from ...forward.operations import AFFINE, HANDED_ON, LINKS, PRODUCTS
from .flow import Flow, name_of


def affine_tail(flow: Flow, start: int, ends: Iterable[int]) -> bool:
    """Whether the outputs are an affine function of a tensor, but for a last sigmoid or softmax.

    Args:
        flow: a stopped tape.
        start: the tensor's slot.
        ends: the slots of the outputs that the score reads.
    """
    live, bent = {start}, set[int]()
    for position, (call, reads) in enumerate(zip(flow.calls, flow.reads, strict=True)):
        mine = [slot for slot in reads if slot in live]
        if not mine:
            continue
        live.update(call.results)
        if not bent.isdisjoint(mine) or not _affine(flow, position, len(mine)):
            bent.update(call.results)
    return not live.isdisjoint(ends) and bent.isdisjoint(ends)


def _affine(flow: Flow, position: int, operands: int) -> bool:
    name = name_of(flow.calls[position])
    if name in AFFINE:
        return operands == 1 or name not in PRODUCTS
    return name in LINKS and _selected_alone(flow, position)


def _selected_alone(flow: Flow, position: int) -> bool:
    """Whether what follows a call computes no more sums of products."""
    below = set(flow.calls[position].results)
    for call, reads in zip(flow.calls[position + 1 :], flow.reads[position + 1 :], strict=True):
        if below.isdisjoint(reads):
            continue
        below.update(call.results)
        name = name_of(call)
        if name not in AFFINE or name.startswith("conv") or name in ("linear", "matmul"):
            return False
    return True


def handed_on(flow: Flow, start: int, ends: Iterable[int]) -> bool:
    """Whether a tensor reaches the outputs as it is: cut, joined, moved, rescaled, squashed."""
    live = {start}
    for call, reads in zip(flow.calls, flow.reads, strict=True):
        if not live.isdisjoint(reads) and name_of(call) in HANDED_ON:
            live.update(call.results)
    return not live.isdisjoint(ends)
