"""Two ways to run a tape again for many edits at once.

`folded` hands each call all edits as rows of one batch, as quick as the model itself is on such a
batch, and right where every call treats the rows alike and has them first. `mapped` runs the tape
under `torch.vmap`, which needs neither. Which of them is exact is for tail.py to prove.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .tape import Slot, Tape
from .trees import map_tensors, tensors_in

# Of attention on a CPU, for one. It is right, and there is nothing for a user to do about it.
warnings.filterwarnings("ignore", "There is a performance drop because we have not yet implemented")

Way = Callable[..., Any]
_SIZED = (Tensor.reshape, Tensor.view, Tensor.expand, torch.reshape)


def folded(tape: Tape, activations: Tensor, after: int = -1) -> Any:
    """The model's outputs for M versions (M, N, ...) of the layer's output; each has M first.

    With `after`, of the first result of that call on the tape. Raises whatever a call raises that
    cannot take more rows.
    """
    many = len(activations)
    if tape.written or any(call.kwargs.get("out") is not None for call in tape.calls):
        raise ValueError("a tensor from before the layer is written to")
    # A copy: the first call may be in place, and the edits are the caller's.
    output = _run(tape, {_start(tape, after): activations.flatten(0, 1).clone()}, after, many)
    return map_tensors(lambda tensor: tensor.unflatten(0, (many, -1)), output)


def mapped(tape: Tape, activations: Tensor, after: int = -1) -> Any:
    """The same, each edit for itself as far as the calls can tell."""
    shape: list[Any] = []

    def run(handed: Tensor, written: dict[int, Tensor]) -> list[Tensor]:
        values = {slot: tensor.clone() for slot, tensor in written.items()}
        output = _run(tape, {_start(tape, after): handed.clone()} | values, after)
        shape.append(output)
        return list(tensors_in(output))

    many = len(activations)
    written = {slot: value.expand(many, *value.shape) for slot, value in tape.written.items()}
    tensors = iter(torch.vmap(run)(activations, written))
    return map_tensors(lambda _: next(tensors), shape[0])


def _start(tape: Tape, after: int) -> int:
    return 0 if after < 0 else tape.calls[after].results[0]


def _run(tape: Tape, values: dict[int, Tensor], after: int, many: int = 1) -> Any:
    """The output for values of slots, the batch `many` times as large as it was."""
    for position, call in enumerate(tape.calls[after + 1 :], after + 1):
        args, kwargs = map_tensors(lambda slot: values[slot.index], (call.args, call.kwargs), Slot)
        if many > 1 and call.function in _SIZED:
            args = _more_rows(*args, many=many)
        result = call.function(*args, **kwargs)
        values.update(zip(call.results, tensors_in(result), strict=True))
        for slot in tape.last_uses.get(position, ()):
            values.pop(slot, None)
    return map_tensors(lambda slot: values[slot.index], tape.output, Slot)


def _more_rows(tensor: Tensor, *sizes: Any, many: int) -> tuple[Any, ...]:
    first, *rest = sizes if isinstance(sizes[0], int) else sizes[0]
    return tensor, (first if first == -1 else first * many, *rest)
