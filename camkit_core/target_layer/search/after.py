"""What the rest of the network reads of a layer: the tensor after its element-wise calls."""

from __future__ import annotations

from ...forward.operations import ELEMENTWISE, IDENTITIES, MAXIMA
from .flow import Flow, name_of

Chain = tuple[int, tuple[str, ...]]  # the slot of the last tensor, and the names of the calls


def after(flow: Flow, start: int, returned: frozenset[int] = frozenset()) -> Chain:
    """The tensor that the rest of the network reads in place of `start`, and the calls up to it.

    It is the only one of those that element-wise calls make of `start` which anything else reads.
    Where several are read, such as maps before an activation and after it, `start` stays.

    Args:
        flow: a stopped tape.
        start: the slot of the layer's output.
        returned: the slots of the model's output.
    """
    names: dict[int, tuple[str, ...]] = {start: ()}
    exits: set[int] = set()
    positions = set(flow.readers.get(start, ()))
    while positions:
        position = min(positions)
        positions.remove(position)
        reads, call = flow.reads[position], flow.calls[position]
        mine = [slot for slot in reads if slot in names]
        alone = len(mine) == len(reads) and len(call.results) == 1
        if alone and _elementwise(flow, position, start):
            result = call.results[0]
            longest = max((names[slot] for slot in mine), key=len)
            names[result] = longest + _visible(name_of(call))
            positions.update(flow.readers.get(result, ()))
        else:
            exits.update(mine)
    exits.update(returned & names.keys())
    if len(exits) != 1:
        return start, ()
    end = exits.pop()
    return end, names[end]


def _elementwise(flow: Flow, position: int, start: int) -> bool:
    call = flow.calls[position]
    same = flow.shapes[call.results[0]] == flow.shapes[start]
    return same and name_of(call) in ELEMENTWISE


def _visible(name: str) -> tuple[str, ...]:
    return () if name in IDENTITIES else (name,)


def read_by_maximum(flow: Flow, end: int) -> bool:
    """Whether of each channel's positions the best one, or the best few, are all that is read."""
    readers = flow.readers.get(end, [])
    shape = flow.shapes[end]
    return bool(readers) and all(_is_maximum(flow, position, shape) for position in readers)


def _is_maximum(flow: Flow, position: int, shape: tuple[int, ...]) -> bool:
    call = flow.calls[position]
    if name_of(call) == "flatten" and call.results:
        return read_by_maximum(flow, call.results[0])
    best = name_of(call) == "topk"
    if not (best or name_of(call) in MAXIMA) or not call.results:
        return False
    sides = flow.shapes[call.results[0]]
    return sides[:2] == shape[:2] and (best or all(side == 1 for side in sides[2:]))
