"""What other maps a layer's maps are joined with, outside of any layer: `x + self.branch(x)`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...forward.operations import ELEMENTWISE, MULTIPLIED, named
from ..layout import Layout
from .after import Chain, after
from .flow import Flow, name_of

_JOINS = ELEMENTWISE | named("maximum minimum")


def joined(
    flow: Flow, chain: Chain, certified: Mapping[int, Layout], returned: frozenset[int]
) -> Chain:
    """The tensor that the rest reads where one element-wise call joins a branch with other maps.

    That is the sum of a residual connection written out in `forward`, or a product with a gate.
    All that the network computes of the branch must go through it. Elsewhere, the chain as it is.

    Args:
        flow: a stopped tape.
        chain: the branch's end, and the calls up to it; see `after`.
        certified: the layouts of slots.
        returned: the slots of the model's output.
    """
    end, names = chain
    readers = [position for position in flow.readers.get(end, ()) if flow.calls[position].results]
    for position in readers:
        call = flow.calls[position]
        name, result = name_of(call), call.results[0]
        alike = [each for each in readers if name_of(flow.calls[each]) == name]
        if name not in _JOINS or alike != [position] or flow.shapes[result] != flow.shapes[end]:
            continue
        below = flow.below([end])
        others = [slot for slot in flow.reads[position] if slot not in below]
        if not _lie_alike([*others, result], certified) or _passes_by(flow, end, result, returned):
            continue
        last, further = after(flow, result, returned)
        return last, (*names, name, *further)
    return chain


def _lie_alike(slots: list[int], certified: Mapping[int, Layout]) -> bool:
    """Whether there are several, which all lie over the image in one way."""
    layouts = {certified.get(slot) for slot in slots}
    return len(slots) > 1 and len(layouts) == 1 and None not in layouts


def _passes_by(flow: Flow, start: int, through: int, returned: frozenset[int]) -> bool:
    """Whether something of `start` reaches the output by another way than `through`."""
    live = {start}
    for call, reads in zip(flow.calls, flow.reads, strict=True):
        if through not in call.results and not live.isdisjoint(reads):
            live.update(call.results)
    return not live.isdisjoint(returned)


def weighs_alone(
    flow: Flow, start: int, certified: Mapping[int, Layout], ends: Iterable[int]
) -> bool:
    """Whether a tensor only says how much other maps count, which are not made of it.

    So does a gate, the attention of a pooling over places, or one stream of a bilinear pooling.
    """
    live, other = {start}, False
    for call, reads in zip(flow.calls, flow.reads, strict=True):
        if live.isdisjoint(reads):
            continue
        if name_of(call) in MULTIPLIED and any(
            slot not in live
            and (slot in certified or _spans(flow.shapes[slot], certified.get(start)))
            for slot in reads
        ):
            other = True
        else:
            live.update(call.results)
    return other and live.isdisjoint(ends)


def _spans(shape: tuple[int, ...], layout: Layout | None) -> bool:
    """Whether a tensor of that shape has an axis for the positions of a layout, or its grid."""
    if layout is None:
        return False
    axes = shape[1:] if len(shape) == 3 and shape[2] > 1 else shape[2:]
    return layout.positions in axes or axes[-len(layout.grid) :] == layout.grid
