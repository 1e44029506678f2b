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
from .plan import Plan, Planned, Read, same
from .rows import Rows, at, put
from .steps import Instead


class OffPlanError(Exception):
    """The model makes other calls than those of the plan."""


class SomeRows:
    """The rows of each slot that have been computed."""

    def __init__(self, activations: Tensor) -> None:
        self.tensors = {0: activations}
        self._held: dict[int, Rows | None] = {0: None}
        self._layers: dict[int, Layer] = {}  # linear layers, by the slot of what they give

    def run(self, call: Planned, args: Any, kwargs: Any) -> Any:
        """The result of a call; slots and tensors that depend on the layer may be its arguments."""
        step = call.step
        assert step
        if step.kept:
            self._layers[call.results[0]] = linear_layer(args, kwargs)
        if not step.made:
            return None
        listed, named = list(args), dict(kwargs)
        for where, value in call.fixed:
            put(listed, named, where, value)
        for read in call.reads:
            if read.needed and (read.slot is not None or read.rows):
                put(listed, named, read.where, self._rows(read, at(args, kwargs, read.where)))
        if step.instead:
            return self._instead(step.instead, call, listed, named)
        result = call.function(*listed, **named)
        tensors = (result,) if isinstance(result, Tensor) else tensors_in(result)
        for slot, tensor in zip(call.results, tensors, strict=True):
            self.tensors[slot], self._held[slot] = tensor, step.rows
        return result

    def _instead(self, instead: Instead, call: Planned, args: Any, kwargs: Any) -> Any:
        sources = [
            (self._of_slot(part.tokens, rows), self._layers[part.layer])
            for part, rows in instead.sources
        ]
        results = instead(args, kwargs, sources)
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
                rows.run(planned, call.args, call.kwargs)
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
        self.plan, self.kept, self._position = plan, False, 0
        self._nothing: dict[Any, Tensor] = {}

    def start(self, activations: Tensor) -> None:
        """Begin; `activations` is what the target layer passes on."""
        self._rows = SomeRows(activations)
        super().start(activations)

    def stop(self, output: Any = None) -> None:
        """End; `output` is what the model returned, None after an error."""
        super().stop(output)
        ended = self._position == len(self.plan.calls)
        ended = ended and slots_in(self.output) == self.plan.output
        self.kept = ended and not any(bool(each.isnan().any()) for each in tensors_in(output))

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        position = self._position
        planned = self.plan.calls[position] if position < len(self.plan.calls) else None
        if planned is None or planned.function != func or not self._fits(planned, args, kwargs):
            quick = func in _QUESTIONS
            return func(*args, **kwargs) if quick else self._other(func, args, kwargs)
        self._position += 1
        step = planned.step
        if step is None:
            return self._taken(func(*args, **kwargs), None)  # of nan: nobody needs it
        result = self._rows.run(planned, args, kwargs)
        if not step.made:
            return self._taken(next(tensors_in((args, kwargs))), planned)
        if isinstance(step.instead, Pieces):
            return self._taken(func(*args, **kwargs), None)  # of nan, too
        return self._taken(result, planned if step.rows else None)

    def _fits(self, planned: Planned, args: Any, kwargs: Any) -> bool:
        """Whether a call has the planned arguments."""
        if planned.counts != (len(args), len(kwargs)):
            return False
        for where, count in planned.lists:
            value = at(args, kwargs, where)
            if not isinstance(value, (list, tuple)) or len(value) != count:
                return False
        for read in planned.reads:
            tensor = at(args, kwargs, read.where)
            if not isinstance(tensor, Tensor) or self._slot(tensor) != read.slot:
                return False
            if read.slot is None and tensor.shape != read.shape:
                return False
        return all(same(value, at(args, kwargs, where)) for where, value in planned.others)

    def _other(self, func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """A call that is not in the plan: of other tensors, or a question such as one's shape."""
        noted, _ = self._with_slots([args, kwargs])
        answer = func(*args, **kwargs)
        made = noted is not None and any(True for _ in tensors_in(answer))
        if noted is not None and (made or function_name(func) in READS):
            raise OffPlanError
        return answer

    def _taken(self, result: Any, planned: Planned | None) -> Any:
        """What the model gets: the result, or tensors of nan where some rows alone are known."""
        if isinstance(result, Tensor):
            given = self._unread(result, self.plan.sizes[planned.results[0]]) if planned else result
            self._take_slot(given)
            return given
        sizes = iter([self.plan.sizes[slot] for slot in planned.results] if planned else ())

        def handed_on(tensor: Tensor) -> Tensor:
            given = self._unread(tensor, next(sizes)) if planned else tensor
            self._take_slot(given)
            return given

        return map_tensors(handed_on, result)

    def _unread(self, rows: Tensor, size: torch.Size) -> Tensor:
        if not rows.is_floating_point():
            raise OffPlanError
        kind = rows.dtype, rows.device, rows.requires_grad
        if kind not in self._nothing:
            self._nothing[kind] = rows.new_full((), torch.nan).requires_grad_(rows.requires_grad)
        return self._nothing[kind].expand(size)
