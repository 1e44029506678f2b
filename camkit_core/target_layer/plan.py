"""What a call rests on: how the adapter calls the model, and its target layers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from ..adapter import Adapter, Reshape
from ..inputs.companions import settled, stated
from ..inputs.forward_args import RUNS, ForwardArgs
from ..inputs.placement import first_weight
from ..inputs.prepare import Inputs
from ..inputs.running_dtype import in_running_dtype
from ..inputs.seen import once, rewind, will_run
from ..inputs.targets.protocol import for_model
from ..inputs.targets.questions import of_call
from ..inputs.targets.resolve import Rank, Target
from ..plugins import get_registry
from .choose import TargetLayer, choose
from .find import Layer
from .known import known
from .pictures import pictured


@dataclass(frozen=True, eq=False)
class Asked:
    """What the caller says of the layer and of the model's call; see `compare`."""

    layer: Layer | Sequence[Layer] | None = None
    reshape_transform: Reshape | None = None
    shared_inputs: Sequence[int | str] | None = None
    adapter: Adapter | Sequence[Adapter] | None = None


@dataclass(frozen=True)
class Plan:
    """What is the same for all images of a size.

    Attributes:
        inputs: the model and its images, as the adapter calls it.
        targets: the targets, for this model.
        layers: the target layers.
    """

    inputs: Inputs
    targets: Sequence[Target]
    layers: Sequence[TargetLayer]


def planned(inputs: Inputs, targets: Sequence[Target], asked: Asked) -> Plan:
    """What the call rests on; found once for a model as it is, where it does not depend on more."""
    key = _key(inputs, targets, asked)
    if key is None:
        return _plan(inputs, targets, asked)
    of_size = once(inputs.model, key, lambda: _of_size(_plan(inputs, targets, asked)))
    return of_size(inputs, targets)


def _key(inputs: Inputs, targets: Sequence[Target], asked: Asked) -> Hashable | None:
    """What a plan depends on beside the model, where that is known; else None."""
    args, layer = inputs.forward_args, asked.layer
    of_classes = all(target is None or isinstance(target, (int, Rank)) for target in targets)
    alone = not (args.args or args.kwargs or args.output or asked.adapter)
    named = layer is None or isinstance(layer, (str, nn.Module))
    if not (of_classes and alone and named and asked.shared_inputs is None):
        return None
    first = first_weight(inputs.model)
    return (
        (*inputs.images.shape[1:], inputs.images.dtype, first is not None and first.dtype),
        (args.place, layer, asked.reshape_transform),
        _Same(get_registry().contributions("adapter")),
    )


class _Same:
    """Equal to another one of the same object."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


def _of_size(plan: Plan) -> Callable[[Inputs, Sequence[Target]], Plan]:
    """From other images of the same size to their plan; it does not keep these alive."""
    args: ForwardArgs = plan.inputs.forward_args
    dtype, layers = plan.inputs.images.dtype, plan.layers

    def of(inputs: Inputs, targets: Sequence[Target]) -> Plan:
        made = Inputs(inputs.model, inputs.images.to(dtype), args, inputs.notes)
        return Plan(made, targets, layers)

    return of


def _plan(inputs: Inputs, targets: Sequence[Target], asked: Asked) -> Plan:
    """The plan; the pass of the images begins as if nothing had run to find it."""
    will_run()
    runs = RUNS[0]
    plan = _found(inputs, targets, asked)
    if RUNS[0] != runs:
        rewind(inputs.model)
    return plan


def _found(inputs: Inputs, targets: Sequence[Target], asked: Asked) -> Plan:
    adapter = asked.adapter
    inputs, found = known(pictured(inputs, adapter), adapter)
    inputs = settled(in_running_dtype(stated(inputs, asked.shared_inputs)))
    targets = [for_model(target, inputs.model, found.adapter) for target in targets]
    targets = of_call(targets, inputs)
    layers = choose(inputs, found, asked.layer, asked.reshape_transform, targets)
    return Plan(inputs, targets, layers)
