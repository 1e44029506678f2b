"""A model compiled for runs without a graph, its norms folded into its convolutions."""

from __future__ import annotations

import weakref
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ..inputs.look import Look
from ..inputs.model_memory import ModelMemory
from ..inputs.seen import seen

Run = Callable[..., Any]


def compiled(model: nn.Module, entry: str | None = None) -> Run:
    """`model`, or that method of it, compiled; kept until its tensors change.

    To be called where the model is in evaluation mode, for runs without gradients.
    """
    known, state = _compiled.of(model), _State(model)
    if entry not in known or not state.same(known[entry][0]):
        known[entry] = state, _folding(_caller(model, entry))
    return known[entry][1]


class _State:
    """Which tensors a model has, and a checksum of their values.

    Folding makes a copy of the values, so that a change of them would not be seen. Torch counts the
    writes to a tensor, but not those through `.data` or numpy. To read all values takes a few runs.
    """

    def __init__(self, model: nn.Module) -> None:
        kept = (seen(model) or Look(model)).tensors
        tensors = [*model.parameters(), *model.buffers(), *kept]
        self._tensors = list(map(weakref.ref, tensors))
        self._marks = [(tensor.data_ptr(), _checksum(tensor)) for tensor in tensors]

    def same(self, other: _State) -> bool:
        """Whether nothing changed between the two."""
        tensors, others = self._alive(), other._alive()
        return self._marks == other._marks and all(map(_is_one, tensors, others))

    def _alive(self) -> list[Tensor | None]:
        return [tensor() for tensor in self._tensors]


def _checksum(tensor: Tensor) -> int:
    values = tensor.detach().cpu().contiguous().reshape(-1)
    return zlib.crc32(values.view(torch.uint8).numpy().data) if len(values) else 0


_compiled: ModelMemory[tuple[_State, Run]] = ModelMemory()


def _is_one(tensor: Tensor | None, other: Tensor | None) -> bool:
    return tensor is not None and tensor is other


def _folding(call: Any) -> Run:
    """The function compiled, what is constant in evaluation mode folded; see `_State`.

    Only where all of it is one graph. The compiler keeps its graphs with the code that they were
    made from, and those of parts of a model would outlive a change of its weights.
    """
    call.__code__ = call.__code__.replace()  # of its own, where no graph of another state is found
    folded = torch.compile(call, fullgraph=True)

    def run(*args: Any, **kwargs: Any) -> Any:
        # The compiler's front asks the setting that is in force while it traces; the options of
        # one function come too late for it, and then nothing is folded.
        with torch._inductor.config.patch(freezing=True):
            return folded(*args, **kwargs)  # type: ignore[no-untyped-call]

    return partial(_first_that_compiles, [run, torch.compile(call)])


def _first_that_compiles(runs: list[Run], *args: Any, **kwargs: Any) -> Any:
    """The result of the first of two functions, which is left out if it is no single graph."""
    if len(runs) > 1:
        try:
            return runs[0](*args, **kwargs)
        except torch._dynamo.exc.Unsupported:
            del runs[0]
    return runs[0](*args, **kwargs)


def _caller(model: nn.Module, entry: str | None) -> Any:
    """A function that calls the model, or that method of it.

    Compiling the model itself would mark it, and a function that holds it would keep it alive.
    """
    reference = weakref.ref(model)

    def call(*args: Any, **kwargs: Any) -> Any:
        function: Any = reference()
        return (getattr(function, entry) if entry else function)(*args, **kwargs)

    return call
