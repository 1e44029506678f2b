"""Tail runs: what the model computes after the target layer, run again on edited activations.

During the one forward pass a `Tape` notes every torch call that depends on the target layer's
output, beginning when the layer returns. Run again under `torch.vmap`, the tape answers for many
edited activations at once; what does not depend on the layer is not computed again. The noted
calls are the ones that ran, with the batch they ran on, so residual and dense connections,
modules called twice, tuples and in-place operations need no special care.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from .contexts import hooked
from .tape import Slot, Tape
from .trees import map_tensors, replace_first, tensors_in

if TYPE_CHECKING:
    from .recording import Recording

# Of attention on a CPU, for one. It is right, and there is nothing for a user to do about it.
warnings.filterwarnings("ignore", "There is a performance drop because we have not yet implemented")


def replay(tape: Tape, activations: Tensor, after: int = -1) -> Any:
    """The model's outputs for M versions (M, N, ...) of the layer's output; each has M first.

    With `after`, of the first result of that call on the tape.
    """
    start = 0 if after < 0 else tape.calls[after].results[0]
    last_use = _last_uses(tape)
    shape: list[Any] = []

    def run(handed: Tensor, written: dict[int, Tensor]) -> list[Tensor]:
        # A copy: the first call may be in place, and the edits are the caller's.
        values = {start: handed.clone()} | {
            slot: tensor.clone() for slot, tensor in written.items()
        }
        for position, call in enumerate(tape.calls[after + 1 :], after + 1):
            args, kwargs = map_tensors(
                lambda slot: values[slot.index], (call.args, call.kwargs), Slot
            )
            result = call.function(*args, **kwargs)
            values.update(zip(call.results, tensors_in(result), strict=True))
            for slot in last_use.get(position, ()):
                values.pop(slot, None)
        output = map_tensors(lambda slot: values[slot.index], tape.output, Slot)
        shape.append(output)
        return list(tensors_in(output))

    many = len(activations)
    written = {slot: value.expand(many, *value.shape) for slot, value in tape.written.items()}
    tensors = iter(torch.vmap(run)(activations, written))
    return map_tensors(lambda _: next(tensors), shape[0])


def _last_uses(tape: Tape) -> dict[int, list[int]]:
    last: dict[int, int] = {}
    for position, call in enumerate(tape.calls):
        used: list[Slot] = []
        map_tensors(used.append, (call.args, call.kwargs), Slot)
        last.update(dict.fromkeys([slot.index for slot in used], position))
        for index in call.results:
            last.setdefault(index, position)
    kept: list[Slot] = []
    map_tensors(kept.append, tape.output, Slot)
    for slot in kept:
        last.pop(slot.index, None)
    result: dict[int, list[int]] = {}
    for index, position in last.items():
        result.setdefault(position, []).append(index)
    return result


def tail_outputs(recording: Recording, edits: Tensor) -> Any:
    """The model's outputs for M versions (M, N, ...) of the layer's output, M and N first.

    The one entrance to the fast way: the tape is used where it has proved itself on this model
    and layer, a full run of the model otherwise.
    """
    return replay(recording.tape, edits) if proven(recording) else full_run(recording, edits)


def full_run(recording: Recording, edits: Tensor) -> Any:
    """The same by running the whole model, with a hook that swaps the layer's output."""
    if recording.tape.reads_values and len(edits) > 1:
        # What the model reads, it reads of all rows together: one edit must not decide for another.
        alone = [full_run(recording, edit[None]) for edit in edits]
        columns = zip(*map(tensors_in, alone), strict=True)
        joined = iter([torch.cat(column) for column in columns])
        return map_tensors(lambda _: next(joined), alone[0])
    many, images = len(edits), recording.images
    rows = images.repeat(many, *[1] * (images.ndim - 1))
    handed = edits.flatten(0, 1).clone()

    def swap(module: nn.Module, args: Any, output: Any) -> Any:
        return replace_first(output, handed)

    with hooked(recording.adapter.layer, swap):
        output = recording.model(rows)
    return map_tensors(
        lambda tensor: tensor.unflatten(0, (many, -1)) if tensor.ndim else tensor.expand(many),
        output,
    )


_verdicts: WeakKeyDictionary[nn.Module, dict[Any, bool]] = WeakKeyDictionary()


def proven(recording: Recording) -> bool:
    """Whether replaying the tape is known to equal full runs; finds out once, then remembers.

    Unedited activations must give back the recorded output, and an edit what a full run gives.
    """
    return recording.tape.complete and remembered(recording, "replay", _replay_error)


def remembered(recording: Recording, what: str, error: Callable[..., Any]) -> bool:
    """Whether a way of answering proved exact, for this model, layer and sequence of calls.

    Another image shape or another control flow is another proof.

    Args:
        recording: the forward pass.
        what: the way of answering.
        error: from an edit (N, ...) and what a full run gives for it (1, rows) to the largest
            error of the way on trial; inf if it cannot be taken.
    """
    verdicts = _verdicts.setdefault(recording.model, {})
    key = what, id(recording.adapter.layer), recording.images.shape, signature(recording.tape)
    if key in verdicts:
        return verdicts[key]
    plain = recording.raw.detach()
    edited = plain * torch.rand_like(plain)
    known, slow = flat(recording.output), flat(full_run(recording, edited[None]))
    change = float((slow - known).abs().max())
    if change == 0:
        return False  # nothing depends on these activations, which proves nothing
    eps = torch.finfo(known.dtype).eps
    # Rounding grows with depth; half precision is so coarse that it must stay near one step.
    steps, share = (200, 0.05) if eps < 1e-6 else (4, 0.15)
    noise = steps * eps * float(known.abs().max())
    allowed = min(noise, share * change) + 1e-3 * change
    verdicts[key] = bool(error(recording, edited, slow) <= allowed)
    return verdicts[key]


def _replay_error(recording: Recording, edited: Tensor, slow: Tensor) -> float:
    plain = recording.raw.detach()
    try:
        again, fast = flat(replay(recording.tape, torch.stack([plain, edited])), 2)
    except Exception:  # noqa: BLE001 - whatever a call may raise under vmap
        return torch.inf
    unedited = (again - flat(recording.output)).abs().max()
    return float(torch.maximum(unedited, (fast - slow).abs().max()))


def flat(output: Any, many: int = 1) -> Tensor:
    """All floating-point values of an output, in `many` rows; one row has no axis of its own."""
    floating = [t.detach() for t in tensors_in(output) if t.is_floating_point()]
    rows = torch.cat([tensor.reshape(many, -1) for tensor in floating], 1)
    return rows if many > 1 else rows[0]


def signature(tape: Tape) -> int:
    """A number that tells this sequence of calls from another."""
    return hash(tuple((call.function, call.results) for call in tape.calls))
