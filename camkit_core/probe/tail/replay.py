"""Two ways to run a tape again for many edits at once.

`batched` gives each call all edits as rows of one batch. It is as quick as the model itself is on
such a batch, and right where every call treats the rows alike and has them on the first axis.
Tensors from before the layer with a row for each image are repeated for each edit.

`vmapped` runs the tape under `torch.vmap`, which is slower and needs none of this. Which of the two
is exact for a model, `proof.py` finds out.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ...forward.tape import Call, Slot, Tape
from ...pytree import map_tensors, tensors_in

# A warning of speed, as by attention on a CPU: the results are right, and a user can do nothing.
warnings.filterwarnings("ignore", "There is a performance drop because we have not yet implemented")

Replay = Callable[..., Any]
_SIZED = (Tensor.reshape, Tensor.view, Tensor.expand, torch.reshape)
_RECURRENT = (torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu)  # rows are on the second axis


def batched(tape: Tape, activations: Tensor, after: int = -1) -> Any:
    """The model's outputs for M versions (M, N, ...) of the layer's output; each has M first.

    Args:
        tape: what ran after the layer.
        activations: the versions.
        after: a position on the tape: then they are versions of the first result of that call.

    Raises:
        Exception: whatever a call raises that cannot take more rows.
    """
    # A copy, because a call may be in place and the edits belong to the caller.
    values = {_start(tape, after): activations.flatten(0, 1).clone()}
    return batched_from(tape, values, after, *activations.shape[:2])


def batched_from(tape: Tape, values: dict[int, Tensor], after: int, many: int, images: int) -> Any:
    """The same, from the values of several slots.

    Args:
        tape: what ran after the layer.
        values: by slot, of all versions' rows (M * N, ...), as a run of them would give.
        after: the position of the last call that is not run.
        many: M, the count of versions.
        images: N, of the recorded pass.
    """
    if any(call.kwargs.get("out") is not None for call in tape.calls):
        raise ValueError("a tensor from before the layer is written to")

    def repeated(tensor: Tensor) -> Tensor:
        # A tensor with one axis has no rows, and a parameter belongs to no image.
        rows = tensor.ndim > 1 and len(tensor) == images and not isinstance(tensor, nn.Parameter)
        return tensor.expand(many, *tensor.shape).flatten(0, 1) if rows else tensor

    def arguments(call: Call) -> tuple[Any, Any]:
        if call.function not in _RECURRENT:
            return map_tensors(repeated, (call.args, call.kwargs))  # type: ignore[no-any-return]
        states = map_tensors(lambda tensor: tensor.repeat(1, many, 1), call.args[1])
        return (call.args[0], states, *call.args[2:]), call.kwargs

    values = values | {slot: repeated(tensor).clone() for slot, tensor in tape.written.items()}
    _run(tape, values, after, many, arguments)
    # What does not depend on the layer, such as a temperature, is the same in each version.
    output = map_tensors(lambda tensor: tensor.expand(many, *tensor.shape), tape.output)

    def versions(slot: Slot) -> Tensor:
        rows: Any = values[slot.index]
        return rows.unflatten(0, (many, -1))  # type: ignore[no-any-return]

    return map_tensors(versions, output, Slot)


def vmapped(tape: Tape, activations: Tensor, after: int = -1) -> Any:
    """The same outputs as `batched` gives, from calls that each see a single edit."""
    outputs: list[Any] = []

    def run(edit: Tensor, written: dict[int, Tensor]) -> list[Tensor]:
        values = {slot: tensor.clone() for slot, tensor in written.items()}
        values[_start(tape, after)] = edit.clone()
        _run(tape, values, after)
        output = map_tensors(lambda slot: values[slot.index], tape.output, Slot)
        outputs.append(output)  # kept for its structure, as vmap returns flat lists only
        return list(tensors_in(output))

    many = len(activations)
    written = {slot: value.expand(many, *value.shape) for slot, value in tape.written.items()}
    tensors = iter(torch.vmap(run)(activations, written))
    return map_tensors(lambda _: next(tensors), outputs[0])


def _start(tape: Tape, after: int) -> int:
    """The slot that the versions stand in for."""
    return 0 if after < 0 else tape.calls[after].results[0]


def _as_noted(call: Call) -> tuple[Any, Any]:
    return call.args, call.kwargs


def _run(
    tape: Tape,
    values: dict[int, Tensor],
    after: int,
    many: int = 1,
    arguments: Callable[[Call], tuple[Any, Any]] = _as_noted,
) -> None:
    """Run the calls for the values of slots, of a batch `many` times as large as the recorded one.

    Args:
        tape: what ran after the layer.
        values: by slot; those of the calls are added, and removed after their last use; those of
            the output stay.
        after: the position of the last call that is not run; -1 to run all.
        many: how many times as many rows there are.
        arguments: the positional and keyword arguments of a call, its slots still empty.
    """
    for position, call in enumerate(tape.calls[after + 1 :], after + 1):
        args, kwargs = map_tensors(lambda slot: values[slot.index], arguments(call), Slot)
        if many > 1 and call.function in _SIZED:
            args = _more_rows(*args, many=many)
        if call.function in _RECURRENT:
            _check_states(*args)
        result = call.function(*args, **kwargs)
        values.update(zip(call.results, tensors_in(result), strict=True))
        for slot in tape.last_uses.get(position, ()):
            values.pop(slot, None)


def _more_rows(tensor: Tensor, *sizes: Any, many: int) -> tuple[Any, ...]:
    """Arguments of a call that is given a size, whose first axis holds the rows."""
    first, *rest = sizes if isinstance(sizes[0], int) else sizes[0]
    return tensor, (first if first == -1 else first * many, *rest)


def _check_states(values: Tensor, states: Any, *rest: Any) -> None:
    """Raise ValueError for states of another number of rows, which torch would read past."""
    rows = values.shape[0 if rest[-1] is True else 1]
    if any(state.ndim != 3 or state.shape[1] != rows for state in tensors_in(states)):
        raise ValueError("states of another number of rows, or a packed sequence")
