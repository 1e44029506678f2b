"""How tensors lie over the image, where the calls that made them say so.

A walk over the tape carries the layout from the images on. A convolution of maps gives maps; an
element-wise call leaves positions where they are; `permute` moves axes that it names. A sum lies as
its certified operand does, whatever the other operand is. Tokens may be cut, joined and put into
another order, and channels be shuffled (`moved`). Any other call ends the certificate. It
guesses nothing from shapes, so it needs no test.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from typing import Any

from ...forward.operations import MAP_TO_MAP, SAME_SHAPE
from ...forward.tape import Call, Slot
from ..layout import Layout, channels_last_on, maps_on
from .flow import MIRRORS, Flow, argument, mirrored_axes, name_of
from .moved import Places, moved, moves_moved
from .slices import slices

Layouts = dict[int, Layout]


def certified(
    flow: Flow, rank: int, chosen: Container[int] = (), places: Places | None = None
) -> Layouts:
    """The layout of each slot that is certified.

    Args:
        flow: a stopped tape.
        rank: how many spatial axes the images have.
        chosen: the positions of calls that take values from places that the model chooses.
        places: gets the slots of tokens that calls moved; see `moved`.
    """
    layouts = {0: maps_on(flow.shapes[0][2:])}
    places = {} if places is None else places
    for position, (call, reads) in enumerate(zip(flow.calls, flow.reads, strict=True)):
        known = [slot for slot in reads if slot in layouts]
        found: Layouts = {}
        if call.results and position not in chosen:
            if known and not moves_moved(call, reads, layouts, places):
                found = _Step(flow, call, reads, layouts, known[0], rank).found()
            found = found or moved(flow, position, layouts, places)
        for slot in () if found else flow.overwritten(call):  # it has other values from here on
            layouts.pop(slot, None)
        layouts.update(found)
    return layouts


@dataclass(frozen=True)
class _Step:
    """A call that reads a certified tensor.

    Attributes:
        reads: the slots that it reads.
        layouts: those that are certified so far.
        slot: the first certified slot that it reads.
    """

    flow: Flow
    call: Call
    reads: tuple[int, ...]
    layouts: Layouts
    slot: int
    rank: int

    @property
    def was(self) -> Layout:
        """The layout of what is read."""
        return self.layouts[self.slot]

    @property
    def old(self) -> tuple[int, ...]:
        """The shape of what is read."""
        return self.flow.shapes[self.slot]

    @property
    def new(self) -> tuple[int, ...]:
        """The shape of the result."""
        return self.flow.shapes[self.call.results[0]]

    def found(self) -> Layouts:
        """The layouts of the results; empty if they are not certified."""
        layout = self.layout()
        same = (slot for slot in self.call.results if self.flow.shapes[slot] == self.new)
        return {} if layout is None else dict.fromkeys(same, layout)

    def layout(self) -> Layout | None:
        """The layout of the result; None if it is not certified."""
        name = name_of(self.call)
        if rule := _RULES.get(name):
            return rule(self)
        if name in MAP_TO_MAP and (layout := _maps(self)):
            return layout
        return _same_shape(self) if name in SAME_SHAPE else None

    def argument(self, position: int, name: str, default: Any = None) -> Any:
        """An argument of the call, by position or by name."""
        return argument(self.call, position, name, default)


def _maps(step: _Step) -> Layout | None:
    """Maps of maps: whatever else depends on the images is a map, too."""
    axes = step.rank + 2
    several = [slot for slot in step.reads if len(step.flow.shapes[slot]) == axes]
    mapped = all(slot in step.layouts and step.layouts[slot].is_maps for slot in several)
    return maps_on(step.new[2:]) if mapped and several and len(step.new) == axes else None


def _same_shape(step: _Step) -> Layout | None:
    """As the operands of the result's shape lie, if they agree and none lies elsewhere."""
    if any(
        slot in step.flow.elsewhere and step.flow.shapes[slot] == step.new for slot in step.reads
    ):
        return None
    layouts = {
        step.layouts[slot]
        for slot in step.reads
        if slot in step.layouts and step.flow.shapes[slot] == step.new
    }
    return layouts.pop() if len(layouts) == 1 else None


def _joined(step: _Step) -> Layout | None:
    """Maps joined along channels; a single part is what it was."""
    parts = step.call.args[0]
    if not isinstance(parts, (tuple, list)):
        return None
    slots = [part.index if isinstance(part, Slot) else None for part in parts]
    along = step.argument(1, "dim", 0) % len(step.new) == _channel_axis(step.was, len(step.new))
    same = all(slot is not None and step.layouts.get(slot) == step.was for slot in slots)
    return step.was if same and (along or len(parts) == 1) else None


def _channel_axis(layout: Layout, axes: int) -> int:
    return 1 if layout.channels_first else axes - 1


def _split(step: _Step) -> Layout | None:
    """Channels divided: all other axes stay."""
    channels = _channel_axis(step.was, len(step.old))
    others = [axis for axis in range(len(step.old)) if axis != channels]
    same = len(step.new) == len(step.old) and all(step.new[a] == step.old[a] for a in others)
    return step.was if same else None


def _linear(step: _Step) -> Layout | None:
    last = not step.was.channels_first
    return step.was if last and step.new[:-1] == step.old[:-1] else None


def _layer_norm(step: _Step) -> Layout | None:
    """Over the channels alone, which are the last axis; or over all axes but the first."""
    return step.was if not step.was.channels_first and step.new == step.old else None


def _reshaped(step: _Step) -> Layout | None:
    was, old, new = step.was, step.old, step.new
    several = len(was.grid) > 1
    if new == old:
        return was
    if was.is_maps and several and new == (*old[:2], was.positions):
        return Layout("NCL", was.grid)
    if was.is_channels_last and several and new == (old[0], was.positions, old[-1]):
        return Layout("NLC", was.grid)
    if was.kind == "NCL" and several and new == (*old[:2], *was.grid):
        return maps_on(was.grid)
    if was == Layout("NLC", was.grid) and several and new == (old[0], *was.grid, old[-1]):
        return channels_last_on(was.grid)
    return None


def _permuted(step: _Step) -> Layout | None:
    order = _order(step)
    axes = len(step.old)
    if order is None:
        return None
    if order == tuple(range(axes)):
        return step.was
    if step.was.is_maps and order == (0, *range(2, axes), 1):
        return channels_last_on(step.was.grid)
    if step.was.is_channels_last and order == (0, axes - 1, *range(1, axes - 1)):
        return maps_on(step.was.grid)
    if order == (0, 2, 1) and step.was in (_tokens("NLC", step), _tokens("NCL", step)):
        return _tokens("NLC" if step.was.kind == "NCL" else "NCL", step)
    return None


def _tokens(kind: Any, step: _Step) -> Layout:
    return Layout(kind, step.was.grid)


def _mirrored(step: _Step) -> Layout | None:
    """Channels in another order, such as BGR; or nothing turned round."""
    axes = mirrored_axes(step.call, len(step.old))
    return step.was if axes <= {_channel_axis(step.was, len(step.old))} else None


def _like_another(step: _Step) -> Layout | None:
    """The first operand, in the shape or of the kind of another, whose layout says nothing."""
    first = step.call.args[0] if step.call.args else None
    if not isinstance(first, Slot) or first.index not in step.layouts:
        return None
    return _reshaped(replace(step, slot=first.index))


def _order(step: _Step) -> tuple[int, ...] | None:
    """Which axis of what is read each axis of the result is."""
    axes = len(step.old)
    given = [
        value for value in (*step.call.args[1:], *step.call.kwargs.values()) if value is not None
    ]
    if len(given) == 1 and isinstance(given[0], (tuple, list)):
        given = list(given[0])
    name = name_of(step.call)
    if name == "mT":
        return (*range(axes - 2), axes - 1, axes - 2)
    if name == "permute":
        return tuple(int(axis) % axes for axis in given) if len(given) == axes else None
    if len(given) != 2:
        return None
    if name == "movedim":
        if not all(isinstance(axis, int) for axis in given):
            return None
        order = [axis for axis in range(axes) if axis != given[0] % axes]
        order.insert(given[1] % axes, given[0] % axes)
        return tuple(order)
    first, second = (int(axis) % axes for axis in given)
    swapped = {first: second, second: first}
    return tuple(swapped.get(axis, axis) for axis in range(axes))


def _taken(step: _Step) -> Layout | None:
    """All of it, or a part of maps."""
    taken = slices(step.call, step.old)
    if taken and step.new == step.old:
        return step.was
    inner = step.was.is_maps and taken[:1] == (slice(None),)
    return maps_on(step.new[2:]) if inner else None


_RULES: dict[str, Callable[[_Step], Layout | None]] = {
    **dict.fromkeys(("cat", "concat", "concatenate"), _joined),
    **dict.fromkeys(("chunk", "split", "tensor_split"), _split),
    "linear": _linear,
    **dict.fromkeys(("layer_norm", "rms_norm"), _layer_norm),
    **dict.fromkeys(("flatten", "reshape", "view", "unflatten"), _reshaped),
    **dict.fromkeys(MIRRORS, _mirrored),
    **dict.fromkeys(("view_as", "reshape_as", "expand_as", "type_as", "to"), _like_another),
    **dict.fromkeys(("permute", "transpose", "swapaxes", "swapdims", "movedim", "mT"), _permuted),
    **dict.fromkeys(("__getitem__", "narrow"), _taken),
}


def is_grid(layout: Layout | None) -> bool:
    """Whether a layout has several positions."""
    return layout is not None and math.prod(layout.grid) > 1
