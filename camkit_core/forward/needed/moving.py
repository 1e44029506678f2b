"""Calls that move axes about, and calls that take some rows out."""

from __future__ import annotations

from math import prod
from typing import Any

import torch
from torch import Tensor

from .keeping import Rule
from .rows import Given, Need, Rows, Where


def reshaped(given: Given, rows: Rows) -> Need | None:
    """Another shape, in which the axis of the rows is whole."""
    shape, result = given.first, given.result
    before, count = prod(result[: rows.axis]), result[rows.axis]
    fitting = (
        axis for axis, size in enumerate(shape) if size == count and prod(shape[:axis]) == before
    )
    axis = next(fitting, None)
    return None if axis is None else Need({(0,): rows.along(axis)}, _sizes(given, rows))


def expanded(given: Given, rows: Rows) -> Need | None:
    """Repeated along axes of one value."""
    axis = rows.axis - len(given.result) + len(given.first)
    own = axis >= 0 and given.first[axis] == given.result[rows.axis]
    return Need({(0,): rows.along(axis)} if own else {}, _sizes(given, rows))


def _sizes(given: Given, rows: Rows) -> dict[Where, Any]:
    """The sizes that a call is given, with the rows' count on their axis."""
    rest = given.call.args[1:]
    if given.call.function not in _SIZED or not rest:
        return {}
    listed = not isinstance(rest[0], int)
    sizes = list(rest[0] if listed else rest)
    if sizes[rows.axis] != -1:
        sizes[rows.axis] = rows.count
    return {(1,): tuple(sizes)} if listed else {(1 + i,): size for i, size in enumerate(sizes)}


def permuted(given: Given, rows: Rows) -> Need | None:
    """The axes in another order."""
    rest = given.call.args[1:] or (given.call.kwargs["dims"],)
    order = rest if isinstance(rest[0], int) else rest[0]
    return Need({(0,): rows.along(given.axis(order[rows.axis], given.first))})


def swapped(given: Given, rows: Rows) -> Need | None:
    """Two axes swapped."""
    numbers = given.option(1, "dim0"), given.option(2, "dim1")
    first, second = (given.axis(number, given.first) for number in numbers)
    return Need({(0,): rows.along({first: second, second: first}.get(rows.axis, rows.axis))})


def unsqueezed(given: Given, rows: Rows) -> Need | None:
    """A new axis of one value."""
    axis = given.axis(given.option(1, "dim"), given.result)
    return None if axis == rows.axis else Need({(0,): rows.along(rows.axis - (axis < rows.axis))})


def squeezed(given: Given, rows: Rows) -> Need | None:
    """An axis of one value, removed."""
    number = given.option(1, "dim")
    if not isinstance(number, int):
        return None
    axis = given.axis(number, given.first)
    gone = given.first[axis] == 1
    return Need({(0,): rows.along(rows.axis + (gone and axis <= rows.axis))})


def indexed(given: Given, rows: Rows | None) -> Need | None:
    """Numbers and slices in brackets."""
    index = given.call.args[1]
    parts = list(index) if isinstance(index, tuple) else [index]
    if Ellipsis in parts:
        place, missing = parts.index(Ellipsis), len(given.first) - len(parts) + 1
        parts[place : place + 1] = [slice(None)] * missing
    if not all(isinstance(part, (int, slice)) and not isinstance(part, bool) for part in parts):
        return None
    parts += [slice(None)] * (len(given.first) - len(parts))
    kept = [axis for axis, part in enumerate(parts) if isinstance(part, slice)]
    if rows:
        axis = kept[rows.axis]
    else:
        whole = [part == slice(None) for part in parts]
        if all(whole):
            return None
        axis = max(range(len(parts)), key=lambda axis: given.first[axis] * (not whole[axis]))
    taken = _taken(parts[axis], given.first[axis], rows)
    if taken is None:
        return None
    start, count = taken
    parts[axis] = slice(0, count) if isinstance(parts[axis], slice) else 0
    return Need({(0,): Rows(axis, start, start + count)}, {(1,): tuple(parts)})


def _taken(part: int | slice, size: int, rows: Rows | None) -> tuple[int, int] | None:
    """The first index and how many, of what one part of an index takes."""
    if isinstance(part, int):
        return part % size, 1
    start, stop, step = part.indices(size)
    if step != 1 or stop <= start:
        return None
    return (start + rows.start, rows.count) if rows else (start, stop - start)


def selected(given: Given, rows: Rows | None) -> Need | None:
    """One slice of an axis, which goes."""
    axis = given.axis(given.option(1, "dim"), given.first)
    if rows:
        return Need({(0,): rows.along(rows.axis + (axis <= rows.axis))})
    index = given.option(2, "index") % given.first[axis]
    where = (2,) if len(given.call.args) > 2 else ("index",)
    return Need({(0,): Rows(axis, index, index + 1)}, {where: 0})


def narrowed(given: Given, rows: Rows | None) -> Need | None:
    """A part of an axis."""
    axis = given.axis(given.option(1, "dim"), given.first)
    if rows and rows.axis != axis:
        return Need({(0,): rows})
    start, count = given.option(2, "start"), given.option(3, "length")
    if rows or len(given.call.args) != 4 or not isinstance(start, int):
        return None
    start %= given.first[axis]
    return Need({(0,): Rows(axis, start, start + count)}, {(2,): 0})


_SIZED = (Tensor.reshape, Tensor.view, torch.reshape, Tensor.expand)
MOVING: dict[Any, Rule] = {
    **dict.fromkeys((*_SIZED[:3], torch.flatten, Tensor.flatten), reshaped),
    **dict.fromkeys((torch.unflatten, Tensor.unflatten), reshaped),
    Tensor.expand: expanded,
    **dict.fromkeys((torch.permute, Tensor.permute), permuted),
    **dict.fromkeys((torch.transpose, Tensor.transpose), swapped),
    **dict.fromkeys((torch.swapaxes, Tensor.swapaxes), swapped),
    **dict.fromkeys((torch.unsqueeze, Tensor.unsqueeze), unsqueezed),
    **dict.fromkeys((torch.squeeze, Tensor.squeeze), squeezed),
}
TAKING: dict[Any, Any] = {
    Tensor.__getitem__: indexed,
    **dict.fromkeys((torch.select, Tensor.select), selected),
    **dict.fromkeys((torch.narrow, Tensor.narrow), narrowed),
}
