"""A forward pass that computes, behind the target layer, only the rows that reach the output.

The plan is made from the tape of a whole pass. In the passes after it, each call is made for the
rows that are needed, and the model's code gets a tensor of the shape that it expects. All values of
that tensor are nan: were another call to read it, the output would tell. A pass that makes other
calls than the plan's, or whose output has nan in it, does not count.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ...pytree import map_tensors, tensors_in
from ..tape import READS, Slot, Tape, function_name, slots_in
from .parts import Layer, linear_layer
from .pieces import Pieces
from .plan import Plan, Planned, Read, listed, same
from .rows import Rows
from .steps import Instead


class OffPlanError(Exception):
    """The model makes other calls than those of the plan."""


class SomeRows:
    """The rows of each slot that have been computed."""

    def __init__(self, activations: Tensor) -> None:
        self.tensors = {0: activations}
        self._held: dict[int, Rows | None] = {0: None}
        self._layers: dict[int, Layer] = {}  # linear layers, by the slot of what they give

    def run(self, call: Planned, values: list[Any]) -> Any:
        """The result of a call that somebody needs.

        Args:
            call: the call.
            values: its arguments, those by name last, which are exchanged; slots and tensors that
                depend on the layer may be among them.
        """
        step = call.step
        assert step
        if step.kept:
            self._layers[call.results[0]] = linear_layer(*call.called(values))
        if not step.made:
            return None
        for index, value in call.fixed:
            values[index] = value
        for read in call.exchanged:
            if read.item is None:
                values[read.index] = self._rows(read, values[read.index])
            else:
                items = values[read.index] = list(values[read.index])  # not in the model's own list
                items[read.item] = self._rows(read, items[read.item])
        for index, item in call.left_out:
            del values[index][item]
        if step.instead:
            return self._instead(step.instead, call, values)
        if call.names:
            args, kwargs = call.called(values)
            result = call.function(*args, **kwargs)
        else:
            result = call.function(*values)
        if isinstance(result, Tensor):
            (slot,) = call.results
            self.tensors[slot], self._held[slot] = result, step.rows
        else:
            for slot, tensor in zip(call.results, tensors_in(result), strict=True):
                self.tensors[slot], self._held[slot] = tensor, step.rows
        return result

    def _instead(self, instead: Instead, call: Planned, values: list[Any]) -> Any:
        sources = [
            (self._of_slot(part.tokens, rows), self._layers[part.layer])
            for part, rows in instead.sources
        ]
        results = instead(*call.called(values), sources)
        for (index, rows), tensor in zip(instead.held.items(), results, strict=True):
            slot = call.results[index]
            self.tensors[slot], self._held[slot] = tensor, rows
        return results[0]

    def _rows(self, read: Read, constant: Any) -> Any:
        if read.slot is not None:
            return self._of_slot(read.slot, read.rows)
        rows = read.rows
        assert rows
        return constant.narrow(rows.axis, rows.start, rows.count)

    def _of_slot(self, slot: int, rows: Rows | None) -> Tensor:
        tensor, held = self.tensors[slot], self._held[slot]
        if rows is None or rows == held:
            return tensor
        return tensor.narrow(rows.axis, rows.start - (held.start if held else 0), rows.count)


def output_again(plan: Plan, tape: Tape, raw: Tensor) -> Any:
    """The output as a short pass gives it, from the calls of a whole one and its leaf."""
    with torch.enable_grad():
        rows = SomeRows(raw.clone())
        for planned, call in zip(plan.calls, tape.calls, strict=True):
            if planned.step:
                rows.run(planned, listed(call))
    return map_tensors(lambda slot: rows.tensors[slot.index], tape.output, Slot)


# What tells no values.
_QUESTIONS = {Tensor.size, Tensor.dim, Tensor.is_floating_point, Tensor.stride}
_QUESTIONS |= {
    getattr(Tensor, name).__get__
    for name in ("shape", "ndim", "dtype", "device", "requires_grad", "is_cuda", "is_nested")
}


class ShortPass(Tape):
    """Makes the calls of a plan, from `start` to `stop`.

    Args:
        plan: of the same model, layer and shape of images.

    Attributes:
        kept: whether the pass made the calls of the plan, and nobody read what was left out.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan, self.kept = plan, False
        self._calls = iter(plan.calls)
        self._next = next(self._calls, None)
        self._places: dict[int, int] = {}  # slots, by the identity of tensors that stay alive
        self._alive: list[Tensor] = []
        self._nothing: dict[Any, Tensor] = {}

    def start(self, activations: Tensor) -> None:
        """Begin; `activations` is what the target layer passes on."""
        self._rows = SomeRows(activations)
        super().start(activations)

    def stop(self, output: Any = None) -> None:
        """End; `output` is what the model returned, None after an error."""
        super().stop(output)
        ended = self._next is None and slots_in(self.output) == self.plan.output
        self.kept = ended and not any(bool(each.isnan().any()) for each in tensors_in(output))
        self._places, self._alive = {}, []

    def _take_slot(self, tensor: Tensor) -> int:
        index = self._places[id(tensor)] = len(self._alive)
        self._alive.append(tensor)
        return index

    def _slot(self, tensor: Tensor) -> int | None:
        return self._places.get(id(tensor))

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        planned = self._next
        if planned is not None and planned.function == func:
            values = [*args, *kwargs.values()] if kwargs else [*args]
            if self._fits(planned, values, kwargs):
                self._next = next(self._calls, None)
                return self._made(planned, func, args, kwargs or {}, values)
        kwargs = kwargs or {}
        quick = func in _QUESTIONS
        return func(*args, **kwargs) if quick else self._other(func, args, kwargs)

    def _fits(self, planned: Planned, values: list[Any], kwargs: Any) -> bool:
        """Whether a call has the planned arguments."""
        named = tuple(kwargs) if kwargs else ()
        if named != planned.names or len(values) != planned.count + len(named):
            return False
        for index, count in planned.lists:
            value = values[index]
            if not isinstance(value, (list, tuple)) or len(value) != count:
                return False
        places = self._places
        for read in planned.reads:
            tensor = values[read.index] if read.item is None else values[read.index][read.item]
            if places.get(id(tensor)) != read.slot:
                return False
            if read.slot is None and not (
                isinstance(tensor, Tensor) and tensor.shape == read.shape
            ):
                return False
        for index, other in planned.others:
            if other is not values[index] and not same(other, values[index]):
                return False
        return True

    def _made(
        self, planned: Planned, func: Callable[..., Any], args: Any, kwargs: Any, values: list[Any]
    ) -> Any:
        """What the model gets of a planned call: its result, or tensors of nan in its place."""
        step, slots = planned.step, iter(planned.results)
        handed_on = None if planned.handed_on is None else values[planned.handed_on]
        result = self._rows.run(planned, values) if step else None
        if step and step.made and not (step.rows or isinstance(step.instead, Pieces)):
            given = result
        elif handed_on is not None:
            given = handed_on  # the model may know it by two names
        elif step and step.rows:
            given = map_tensors(lambda each: self._unread(next(slots), each.requires_grad), result)
        elif planned.blank:
            given = self._unread(next(slots), torch.is_grad_enabled())
        else:
            given = func(*args, **kwargs)  # of nan: nobody reads it
        if isinstance(given, Tensor):
            self._take_slot(given)
        else:
            map_tensors(self._take_slot, given)
        return given

    def _unread(self, slot: int, graph: bool) -> Tensor:
        """A tensor of nan in the place of a slot's."""
        dtype, device = kind = self.plan.kinds[slot]
        if kind not in self._nothing:
            self._nothing[kind] = torch.full((), torch.nan, dtype=dtype, device=device)
        return self._nothing[kind].expand(self.plan.sizes[slot]).requires_grad_(graph)

    def _other(self, func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """A call that is not in the plan: of other tensors, or a question such as one's shape."""
        noted, _ = self._with_slots([args, kwargs])
        answer = func(*args, **kwargs)
        made = noted is not None and any(True for _ in tensors_in(answer))
        if noted is not None and (made or function_name(func) in READS):
            raise OffPlanError
        return answer
