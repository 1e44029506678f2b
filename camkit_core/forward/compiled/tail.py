"""What follows the target layer, as calls that can be made again for other images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor

from ...pytree import map_tensors, tensors_in
from ..needed.plan import Plan, listed
from ..needed.short_pass import OffPlanError, SomeRows
from ..tape import Call, Slot, Tape

Place = Callable[[Tensor], Any]


@dataclass(frozen=True)
class Tail:
    """The calls from the target layer's output to the model's.

    In calls and output, slots stand for what differs between images: slot 0 for the layer's output,
    slots from 1 on for what the calls give, slots from -1 down for further tensors from before the
    layer. All other tensors are those of the model.

    Attributes:
        calls: in order.
        output: what the model returns.
    """

    calls: Sequence[Call]
    output: Any

    def run(self, raw: Tensor, before: Sequence[Tensor], tape: Tape | None) -> Any:
        """The model's output for a layer's output.

        Args:
            raw: what the layer gives; the calls get a copy, as one may write into it.
            before: the further tensors from before the layer.
            tape: notes the calls, if there is one.
        """
        values = {-index: tensor for index, tensor in enumerate(before, 1)}
        values[0] = raw.clone()
        output = None
        try:
            if tape:
                tape.start(values[0])
            for call in self.calls:
                _make(call, values)
            output = _filled(self.output, values)
        finally:
            if tape:
                tape.stop(output)
        return output

    def run_short(self, plan: Plan, raw: Tensor, before: Sequence[Tensor]) -> Any:
        """The same from the rows that reach the output.

        Raises:
            OffPlanError: if the plan is not of these calls.
        """
        values: dict[int, Any] = {-index: tensor for index, tensor in enumerate(before, 1)}
        rows = SomeRows(raw.clone())
        for planned, call in zip(plan.calls, self.calls, strict=True):
            made = call.function, tuple(call.kwargs), call.results
            if (planned.function, planned.names, planned.results) != made:
                raise OffPlanError  # the plan is of another way through the model's code
            if planned.step:
                rows.run(planned, [_leaf(value, values) for value in listed(call)])
        return _filled(self.output, {**values, **rows.tensors})


def _make(call: Call, values: dict[int, Tensor]) -> None:
    result = call.function(*_filled(call.args, values), **_filled(call.kwargs, values))
    if isinstance(result, Tensor):
        values[call.results[0]] = result
    else:
        values.update(zip(call.results, tensors_in(result), strict=True))


def _filled(tree: Any, values: dict[int, Tensor]) -> Any:
    """`tree` with the values of slots, where there are some; most of it is flat, which is quick."""
    if type(tree) is dict:
        return {name: _leaf(value, values) for name, value in tree.items()}
    return [_leaf(value, values) for value in tree] if type(tree) is tuple else _leaf(tree, values)


def _leaf(value: Any, values: dict[int, Tensor]) -> Any:
    if type(value) is Slot:
        return values.get(value.index, value)
    if isinstance(value, (Tensor, int, float, str, type(None))):
        return value
    return map_tensors(lambda slot: values.get(slot.index, slot), value, Slot)


def tail_of(tape: Tape, place: Place) -> Tail:
    """The tail that a tape noted, with what `place` puts in the place of each other tensor."""
    placed = partial(map_tensors, place)
    calls = [
        Call(each.function, placed(each.args), placed(each.kwargs), each.results)
        for each in tape.calls
    ]
    return Tail(calls, placed(tape.output))
