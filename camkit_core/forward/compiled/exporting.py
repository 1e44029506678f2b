"""A model taken apart at its target layer: a graph of what runs before, and a tail.

torch.export follows the model's code with tensors that hold no values. Meanwhile a hook notes the
layer's output, and a tape the calls after it. The graph is asked for that output, and for whatever
else the noted calls read. So the compiler drops what only the model's output needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ...adapter import read_output
from ...inputs.look import Look
from ...inputs.prepare import Inputs
from ...inputs.seen import seen
from ..cut import Cut, Level
from ..tape import Slot, Tape
from ..untouched import hooked
from .cannot import CannotCompile, changes_something, not_followed
from .pure import calls_torch_alone, check_pure
from .state import own_tensors
from .tail import Tail, tail_of


@dataclass(frozen=True)
class Exported:
    """A model in two parts.

    Attributes:
        trunk: from images to the layer's output and the further tensors that the tail reads.
        reads: the names of the model's tensors that the trunk is made of.
        dtypes: of what the trunk gives.
        tail: what follows.
        torchs: whether all calls are torch's own.
    """

    trunk: nn.Module
    reads: Sequence[str]
    dtypes: Sequence[torch.dtype]
    tail: Tail
    torchs: bool


def exported(inputs: Inputs, level: Level) -> Exported:
    """The model's two parts, for images of this shape.

    Args:
        inputs: the model and its images, on which nothing else depends.
        level: the target layer.

    Raises:
        CannotCompile: if torch cannot follow the model, or the model does more than to compute.
    """
    import torch.export  # it takes a second, which only this needs

    found: list[tuple[Sequence[torch.dtype], Tail]] = []
    follower = _Follower(inputs, level, lambda *parts: found.append(parts))
    try:
        with torch.enable_grad():  # without it, torch takes calls that have no gradient
            program = torch.export.export(follower, (inputs.images,), strict=False)
        trunk = program.module()
    except CannotCompile:
        raise
    except Exception as error:
        raise not_followed(error) from error
    check_pure(program)
    return Exported(trunk, _reads(program), *found[-1], calls_torch_alone(program))


class _Follower(nn.Module):
    """Runs the model up to its output, and returns what the tail begins with.

    Torch takes back what is set on a module meanwhile, so the tail is handed to a function.
    """

    def __init__(self, inputs: Inputs, level: Level, found: Callable[..., None]) -> None:
        super().__init__()
        self.model = inputs.model
        self._inputs, self._level = inputs, (level,)  # in a tuple, as the layer is no part of this
        look = seen(inputs.model) or Look(inputs.model)
        names = [name for name, _ in _tensors(inputs.model)]
        # Torch puts others in their places meanwhile.
        self._tensors = dict(zip(names, own_tensors(look, names), strict=True))
        self._found = found

    def forward(self, images: Tensor) -> list[Tensor]:
        (adapter, name), tape = self._level[0], Tape()
        begun: list[Tensor] = []

        def change(activations: Tensor) -> Tensor:
            if adapter.activation:
                activations = adapter.activation(activations)
            begun.append(activations.clone())  # what follows may write into its own copy
            return begun[0].clone()

        cut = Cut(adapter, name, change, tape.start)
        output = None
        try:
            with hooked(adapter.layer, cut):
                output = read_output(adapter, self._inputs.forward_args.call(self.model, images))
        finally:
            cut.stop()
            tape.stop(output)
        cut.check(self.model)
        return self._taken_apart(begun, tape)

    def _taken_apart(self, begun: list[Tensor], tape: Tape) -> list[Tensor]:
        if tape.written or tape.reads_values:
            raise changes_something("reads values, or writes into earlier ones, after the layer")
        from torch._subclasses.fake_tensor import is_fake

        names = {id(tensor): name for name, tensor in _tensors(self.model)}
        tensors = [*begun]

        def place(tensor: Tensor) -> Any:
            if id(tensor) in names:
                return self._tensors[names[id(tensor)]]
            if not is_fake(tensor):
                return tensor
            index = next((i for i, each in enumerate(tensors) if each is tensor), len(tensors))
            if index == len(tensors):
                tensors.append(tensor)
            return Slot(-index)

        tail = tail_of(tape, place)
        self._found([each.dtype for each in tensors], tail)
        return tensors


def _tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """The parameters and buffers by name; one that has several names has them all."""
    yield from model.named_parameters(remove_duplicate=False)
    yield from model.named_buffers(remove_duplicate=False)


def _reads(program: Any) -> list[str]:
    """The names of the parameters and buffers that are read, without what was put before them."""
    signature = program.graph_signature
    names = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    return [
        names[node.name].removeprefix("model.")
        for node in program.graph.nodes
        if node.op == "placeholder" and node.name in names and node.users
    ]
