"""How far maps reach beyond the image, or end within it, where the model pads or crops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...forward.tape import Call
from ..layout import Layout
from .flow import Flow, argument, name_of
from .moved import AXES
from .slices import slices

Extent = tuple[tuple[float, float], ...]  # of each axis: image pixels beyond its begin and its end
_TOGETHER = 0.6  # a U-Net without padding crops its finest maps to about 0.69 of the image
_CONVOLUTIONS = ("conv1d", "conv2d", "conv3d")
_POOLS = ("max_pool1d", "max_pool2d", "max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d")


def extents(
    flow: Flow, certified: Mapping[int, Layout]
) -> tuple[dict[int, Extent], frozenset[int]]:
    """Of each certified slot, how far its grid reaches beyond the image; negative within it.

    Padding and slices count, and what convolutions without padding of their own take back of it.
    The few positions that such convolutions lose of the image itself do not.

    Args:
        flow: a stopped tape.
        certified: the layouts of slots.

    Returns:
        The extents, and the slots in which parts of the image that lie apart were laid together.
    """
    size = flow.shapes[0][2:]
    found: dict[int, Extent] = {0: ((0.0, 0.0),) * len(size)}
    torn: set[int] = set()
    for call, reads in zip(flow.calls, flow.reads, strict=True):
        known = [found[slot] for slot in reads if slot in found]
        if not known:
            continue
        if not torn.isdisjoint(reads) or _apart(known, size):
            torn.update(slot for slot in call.results if slot in certified)
        # Where maps are joined that were padded to one size, the plain ones say where they lie.
        extent = min(known, key=lambda each: sum(abs(side) for pair in each for side in pair))
        first = next(slot for slot in reads if found.get(slot) == extent)
        layout = certified.get(first)
        if layout is not None and layout.is_maps:
            extent = _moved(call, extent, flow.shapes[first][2:], size)
        between = name_of(call) in AXES  # maps whose axes are taken apart, to be joined again
        found.update({slot: extent for slot in call.results if between or slot in certified})
    return found, frozenset(torn)


def _apart(known: Sequence[Extent], size: Sequence[int]) -> bool:
    """Whether two extents have less than `_TOGETHER` of their pixels in common along an axis."""
    for axis, side in enumerate(size):
        spans = [(-each[axis][0], side + each[axis][1]) for each in known]
        common = min(end for _, end in spans) - max(start for start, _ in spans)
        whole = max(end for _, end in spans) - min(start for start, _ in spans)
        if common < _TOGETHER * whole:
            return True
    return False


def over_image(layout: Layout, extent: Extent, size: Sequence[int]) -> Layout:
    """The layout with its extent in whole positions; as it is where that is none."""
    cells = _cells(extent, layout.grid, size)
    beyond = tuple(
        (round(before / cell), round(behind / cell))
        for (before, behind), cell in zip(extent, cells, strict=True)
    )
    left = [side - sum(ends) for side, ends in zip(layout.grid, beyond, strict=True)]
    moved = any(any(ends) for ends in beyond) and min(left) > 0
    return replace(layout, beyond=beyond) if moved else layout


def _cells(extent: Extent, grid: Sequence[int], size: Sequence[int]) -> list[float]:
    """The side of a position, in pixels of the image."""
    return [
        (side + before + behind) / count
        for (before, behind), count, side in zip(extent, grid, size, strict=True)
    ]


def _moved(call: Call, extent: Extent, grid: Sequence[int], size: Sequence[int]) -> Extent:
    """The extent of what a call makes of maps."""
    name = name_of(call)
    if name == "pad":
        beyond = _padded(call, len(grid))
    elif name in ("__getitem__", "narrow"):
        beyond = _sliced(call, grid)
    elif name in _CONVOLUTIONS or name in _POOLS:
        beyond = _convolved(call, grid, pool=name in _POOLS)
        return tuple(
            (_taken_back(old[0], new[0] * cell), _taken_back(old[1], new[1] * cell))
            for old, new, cell in zip(extent, beyond, _cells(extent, grid, size), strict=True)
        )
    else:
        return extent
    return tuple(
        (old[0] + new[0] * cell, old[1] + new[1] * cell)
        for old, new, cell in zip(extent, beyond, _cells(extent, grid, size), strict=True)
    )


def _taken_back(beyond: float, more: float) -> float:
    """What is left beyond the image; a loss is taken from that alone, and not from the image."""
    return beyond + more if more > 0 else max(beyond + more, min(beyond, 0.0))


def _padded(call: Call, rank: int) -> list[tuple[float, float]]:
    pads = [int(pad) for pad in argument(call, 1, "pad", ())]
    pairs = list(zip(pads[::2], pads[1::2], strict=False))[:rank]  # the last axis comes first
    return [(0.0, 0.0)] * (rank - len(pairs)) + [(float(a), float(b)) for a, b in pairs[::-1]]


def _sliced(call: Call, grid: Sequence[int]) -> list[tuple[float, float]]:
    index = slices(call, (1, 1, *grid))
    if not index:
        return [(0.0, 0.0)] * len(grid)
    kept = [each.indices(side) for each, side in zip(index[2:], grid, strict=True)]
    return [
        (float(-start), float(stop - side))
        for (start, stop, _), side in zip(kept, grid, strict=True)
    ]


def _convolved(call: Call, grid: Sequence[int], pool: bool) -> list[tuple[float, float]]:
    """Where the first and the last position of the result begin and end, in positions read."""
    rank = len(grid)
    if pool:
        kernel = _each(argument(call, 1, "kernel_size"), rank)
        stride = _each(argument(call, 2, "stride") or kernel, rank)
        padding, dilation = argument(call, 3, "padding", 0), [1] * rank
    else:
        weight = argument(call, 1, "weight")
        kernel = list(weight.shape[2:]) if hasattr(weight, "shape") else [1] * rank
        stride = _each(argument(call, 3, "stride", 1), rank)
        padding = argument(call, 4, "padding", 0)
        dilation = _each(argument(call, 5, "dilation", 1), rank)
    if isinstance(padding, str):
        return [(0.0, 0.0)] * rank  # "same"; and "valid" is rare
    return _convolved_by(kernel, stride, _each(padding, rank), dilation, grid)


def _convolved_by(
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    grid: Sequence[int],
) -> list[tuple[float, float]]:
    beyond = []
    for k, s, p, d, side in zip(kernel, stride, padding, dilation, grid, strict=True):
        reach = d * (k - 1) + 1
        count = (side + 2 * p - reach) // s + 1
        more = p - (reach - s) / 2
        # Less than half a stride is the place of the pixel on which a position stands.
        aligned = max(more - (s - 1) / 2, 0.0) if more > 0 else more
        beyond.append((aligned, count * s - more - side))
    return beyond


def _each(value: Any, rank: int) -> list[int]:
    values = [int(each) for each in (value if isinstance(value, (tuple, list)) else [value])]
    return values * rank if len(values) == 1 else values
