"""Tokens that calls cut, join and put into another order: where each place of the grid stands.

The very calls run once more, on the numbers of the places in the tokens' stead. So tokens behind a
class token in the middle of them are known, and so is that a sequence holds each place twice.

Of maps, the same is done where calls take their axes apart and join them again: a shuffle of
channels, or the places of a cell laid into its channels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ...forward.operations import named
from ...forward.tape import Call, Slot, slots_in
from ...pytree import map_tensors, tensors_in
from ..layout import Layout, maps_on
from .flow import Flow, name_of

_MOVES = named(
    """
    __getitem__ narrow index_select cat concat concatenate flip roll split chunk tensor_split
    gather take_along_dim
    """
)
_RESHAPES = named("view reshape flatten unflatten")
AXES = named("permute transpose swapaxes swapdims movedim contiguous clone") | _RESHAPES
_FEW = 5  # calls from maps to maps
_NONE = -1  # the number of what is no place

Places = dict[int, tuple[tuple[int, ...], Tensor]]  # the grid, and the number of each value's place


def moved(
    flow: Flow, position: int, layouts: Mapping[int, Layout], places: Places
) -> dict[int, Layout]:
    """The layouts of the results of a call that moves tokens, or axes of maps; none of any other.

    Gives `places` those results that hold places of one grid of tokens.
    """
    call = flow.calls[position]
    if name_of(call) in _RESHAPES:
        layout = _rejoined(flow, position, layouts)
        return {call.results[0]: layout} if layout else {}
    if name_of(call) not in _MOVES:
        return {}
    known = {
        slot: _places(flow, slot, layouts, places) for slot in slots_in((call.args, call.kwargs))
    }
    grids = {found[0] for found in known.values() if found}
    if len(grids) != 1:
        return {}
    (grid,) = grids

    def numbers(slot: Slot) -> Tensor:
        found = known[slot.index]
        return found[1] if found else _full(flow.shapes[slot.index])

    try:
        constants = map_tensors(partial(_constant, flow.rows), (call.args, call.kwargs))
        args, kwargs = map_tensors(numbers, constants, Slot)
        results = list(tensors_in(call.function(*args, **kwargs)))
    except Exception:  # noqa: BLE001 - whatever torch says of numbers in the tokens' stead
        return {}
    held = {}
    for slot, result in zip(call.results, results, strict=False):
        if result.ndim == 3 and len(result) == 1 and bool((result >= 0).any()):
            held[slot] = places[slot] = grid, result
    found = {slot: _layout(*each) for slot, each in held.items()}
    return {slot: layout for slot, layout in found.items() if layout is not None}


def moves_moved(
    call: Call, reads: Iterable[int], layouts: Mapping[int, Layout], places: Places
) -> bool:
    """Whether a call moves tokens that another one has moved."""
    before = any(slot in places or (slot in layouts and layouts[slot].order) for slot in reads)
    return before and name_of(call) in _MOVES


def _constant(rows: int, tensor: Tensor) -> Tensor:
    """An index as it is, for one image; in place of values, that they are no places."""
    tensor = tensor[:1] if tensor.ndim > 1 and len(tensor) == rows else tensor
    return _full(tensor.shape) if tensor.is_floating_point() else tensor.cpu()


def _full(shape: Sequence[int]) -> Tensor:
    return torch.full(tuple(shape), _NONE, device="cpu")


def _places(
    flow: Flow, slot: int, layouts: Mapping[int, Layout], places: Places
) -> tuple[tuple[int, ...], Tensor] | None:
    """The number of the place of each value in a slot of tokens."""
    if slot in places:
        return places[slot]
    layout = layouts.get(slot)
    if layout is None or layout.kind != "NLC":
        return None
    numbers = _full(flow.shapes[slot][1:2])
    order = layout.order or range(layout.prefix, layout.prefix + layout.positions)
    numbers[list(order)[: layout.positions]] = torch.arange(layout.positions, device="cpu")
    return layout.grid, numbers[None, :, None].expand(flow.shapes[slot])


def _rejoined(flow: Flow, position: int, layouts: Mapping[int, Layout]) -> Layout | None:
    """The layout of maps whose axes the last few calls took apart and joined again."""
    shape = flow.shapes[flow.calls[position].results[0]]
    if len(shape) != len(flow.shapes[0]):
        return None
    calls: list[Call] = []
    while len(calls) < _FEW and name_of(flow.calls[position]) in AXES:
        calls.insert(0, flow.calls[position])
        slot, *others = flow.reads[position]
        if slot in layouts:
            maps = layouts[slot].is_maps and len(calls) > 2 and not others
            return _cells(flow, calls, slot, shape) if maps else None
        if others or slot in flow.rewritten or slot not in flow.makers:
            return None
        position = flow.makers[slot]
    return None


def _cells(flow: Flow, calls: Sequence[Call], slot: int, shape: Sequence[int]) -> Layout | None:
    """Maps again, if each position holds places of its own cell alone."""
    old, grid = flow.shapes[slot], tuple(shape[2:])
    sides = list(map(min, old[2:], grid))
    cells = torch.arange(math.prod(sides), dtype=torch.int32, device="cpu").view(sides)
    numbers: Any = _spread(cells, old[2:]).expand(flow.rows, *old[1:])
    try:
        for call in calls:
            numbers = call.function(numbers, *call.args[1:], **call.kwargs)
    except Exception:  # noqa: BLE001 - as above
        return None
    expected = _spread(cells, grid).expand(flow.rows, *shape[1:])
    return maps_on(grid) if torch.equal(numbers, expected) else None


def _spread(cells: Tensor, grid: Sequence[int]) -> Tensor:
    """Which cell each position of a finer grid is in."""
    for axis, (count, side) in enumerate(zip(cells.shape, grid, strict=True)):
        cells = cells.repeat_interleave(-(-side // count), axis).narrow(axis, 0, side)
    return cells


def _layout(grid: tuple[int, ...], numbers: Tensor) -> Layout | None:
    """The layout of tokens that hold each place once, beside constants in channels of their own."""
    tokens = numbers[0].amax(1)
    if not bool(((numbers == tokens[None, :, None]) | (numbers < 0)).all()):
        return None
    held = tokens[tokens >= 0]
    positions = math.prod(grid)
    if len(held) != positions or len(set(held.tolist())) != positions:
        return None
    order = torch.cat([(tokens >= 0).nonzero()[:, 0][held.argsort()], (tokens < 0).nonzero()[:, 0]])
    before, others = int(order[0]), len(tokens) - positions
    if bool((held.diff() > 0).all()) and int(order[positions - 1]) == before + positions - 1:
        return Layout("NLC", grid, before, others - before)
    return Layout("NLC", grid, 0, others, order=tuple(order.tolist()))
