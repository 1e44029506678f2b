"""Tail runs: what the model computes after the target layer, run again on edited activations.

During the one forward pass a `Tape` notes every torch call that depends on the target layer's
output, beginning when the layer returns. A replay of these calls gives the outputs for many edited
activations at once; what does not depend on the layer is not computed again. The noted calls are
the ones that ran, with the batch they ran on, so residual and dense connections, modules called
twice, tuples and in-place operations need no special care.

A replay, or a closed form, is taken only where it is proved: an edit must give what a full run of
the model gives. Each proof is made once for a model, layer and sequence of calls, and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from ...forward.counting import count
from ...forward.cut import Cut
from ...forward.random_states import noise_like
from ...forward.signature import signature
from ...forward.untouched import hooked
from ...inputs.model_memory import ModelMemory
from ...pytree import has_runs, has_samples, located, map_tensors, rowwise, tensors_in
from ..rows import row_axis
from ..touching import rows_touch
from .needed_rows import needed_tape
from .replay import Replay, batched, vmapped

if TYPE_CHECKING:
    from ...forward.recording import Recording
    from ...forward.tape import Tape


_proofs: ModelMemory[bool] = ModelMemory()
_signatures: WeakKeyDictionary[Recording, Hashable] = WeakKeyDictionary()
_probe_edits: WeakKeyDictionary[Recording, tuple[Tensor, Tensor]] = WeakKeyDictionary()
COARSE = 0.15  # of an edit's effect: the most that coarse rounding may hide


def tail_outputs(recording: Recording, edits: Tensor) -> Any:
    """The model's outputs for M versions (M, N, ...) of the layer's output, M and N first.

    The tape is replayed where that is proved exact for this model and layer; elsewhere the whole
    model is run.
    """
    run = proven_tail(recording)
    if run is None:
        return full_run(recording, edits)
    count("tail", len(edits) * len(recording.images))
    return run(edits)


def full_run(recording: Recording, edits: Tensor) -> Any:
    """The same outputs, by running the whole model with a hook that swaps the layer's output."""
    if len(edits) > 1 and (recording.tape.reads_values or rows_touch(recording)):
        # The model decides by the values of all rows together, or mixes them: one edit must not
        # decide for others.
        return _joined([full_run(recording, edit[None]) for edit in edits])
    runs, images = len(edits), recording.images
    rows = images.repeat(runs, *[1] * (images.ndim - 1))
    with ExitStack() as swaps:
        swaps.enter_context(_swapped(recording, edits))
        for held in recording.held:
            raw = held.raw.detach()
            swaps.enter_context(_swapped(held, raw.expand(runs, *raw.shape)))
        output = recording.run(rows)
    if has_samples(output):
        return [output[start : start + len(images)] for start in range(0, len(rows), len(images))]
    # A tensor without the images' rows, such as prompts, may have as many by chance.
    recorded = rowwise(recording.output, len(images))
    by_row = (where in recorded for where, _ in located(output))
    return map_tensors(
        lambda tensor: _by_run(tensor, runs, len(rows) if next(by_row) else -1), output
    )


@contextmanager
def _swapped(recording: Recording, edits: Tensor) -> Iterator[None]:
    """Inside, a run of M times the images goes on from M versions (M, N, ...) of the layer."""
    axis = row_axis(recording) or 0
    edited = torch.cat(list(edits), axis) if axis else edits.flatten(0, 1).clone()

    def swap(activations: Tensor) -> Tensor:
        # Gradients are on where code of the model asks for them, which it may do here.
        return edited.requires_grad_().clone() if torch.is_grad_enabled() else edited

    cut = Cut(recording.adapter, recording.layer, swap, lambda _: None)
    with hooked(recording.adapter.layer, cut):
        try:
            yield
        finally:
            cut.stop()


def _joined(outputs: list[Any]) -> Any:
    """The outputs of several calls of `full_run` as one, runs first."""
    if has_runs(outputs[0]):
        return [run for runs in outputs for run in runs]
    columns = zip(*map(tensors_in, outputs), strict=True)
    joined = iter([torch.cat(column) for column in columns])
    return map_tensors(lambda _: next(joined), outputs[0])


def _by_run(tensor: Tensor, runs: int, rows: int) -> Tensor:
    """A tensor of the output, runs first; repeated if it has no row for each image."""
    if tensor.ndim and len(tensor) == rows:
        return tensor.reshape(runs, rows // runs, *tensor.shape[1:])
    return tensor.expand(runs, *tensor.shape)


def proven_tail(recording: Recording) -> Callable[[Tensor], Any] | None:
    """From versions of the layer's output to outputs, by the quickest replay that is proved.

    Where some rows alone reach the output, only these are computed. None if no replay is proved.
    """
    short = needed_tape(recording)
    replay = proven_replay(recording, short) if short else None
    if replay:
        return partial(replay, short)
    replay = proven_replay(recording)
    return partial(replay, recording.tape) if replay else None


def proven_replay(recording: Recording, short: Tape | None = None) -> Replay | None:
    """The quickest replay proved to equal full runs; None if there is none.

    Unedited activations must give back the recorded output, and an edit what a full run gives.

    Args:
        recording: the forward pass.
        short: a tape of fewer rows, in place of what ran.
    """
    if recording.tape.complete:
        tape, kind = (short, "short ") if short else (recording.tape, "")
        for replay in (batched, vmapped):
            error = partial(_replay_error, partial(replay, tape))
            if proved(recording, f"{kind}{replay.__name__}", error):
                return replay
    return None


def proved(recording: Recording, what: str, error: Callable[..., Any]) -> bool:
    """Whether a replay or closed form is proved exact, for this model, layer and sequence of calls.

    Another image shape or another control flow needs another proof.

    Args:
        recording: the forward pass.
        what: the name of the replay or closed form.
        error: from the recording, an edit (N, ...) and what a full run gives for it (1, rows) to
            the largest error; inf if the replay or closed form cannot be used.
    """
    proofs = _proofs.of(recording.model)
    held = tuple(each.layer for each in recording.held)
    layer = recording.layer, id(recording.adapter.layer), held
    key = what, layer, recording.images.shape, _signature(recording)
    if key in proofs:
        return proofs[key]
    edited, slow = _probe_edit(recording)
    recorded = flat(recording.output)
    if slow.shape != recorded.shape:
        return False  # e.g. a detector finds more or fewer objects
    change = float(largest(slow - recorded, slow + recorded))
    if change == 0:
        return False  # the output does not depend on these activations, so an edit proves nothing
    rounding = error(recording, edited, slow) - 1e-3 * change
    exact = rounding <= _allowed(recorded, change)
    # The noise takes another full run, so it comes last.
    proofs[key] = exact or (rounding <= COARSE * change and rounding <= 4 * _noise(recording))
    return proofs[key]


def _signature(recording: Recording) -> Hashable:
    if recording not in _signatures:
        _signatures[recording] = signature(recording.tape)
    return _signatures[recording]


def _allowed(recorded: Tensor, change: float) -> float:
    """The rounding error that an exact computation may have, where an edit makes this change."""
    eps, size = torch.finfo(recorded.dtype).eps, float(largest(recorded, recorded))
    # Rounding grows with depth; half precision is so coarse that it must stay near one step.
    steps, share = (200, 0.05) if eps < 1e-6 else (4, COARSE)
    return min(steps * eps * size, share * change)


def _noise(recording: Recording) -> float:
    """The difference between full runs of one and of two rows.

    A GPU that multiplies coarsely may take another algorithm for another batch size. The result is
    zero where the difference is more than rounding, as of a model that mixes its rows.
    """
    plain, recorded = recording.raw.detach(), flat(recording.output)
    runs = full_run(recording, torch.stack([plain, plain]))
    again = flat(runs[0] if has_runs(runs) else map_tensors(lambda tensor: tensor[0], runs))
    same = again.shape == recorded.shape
    noise = float(largest(again - recorded, recorded)) if same else 0.0
    return noise if noise < float(largest(recorded, recorded)) / 128 else 0.0


def _probe_edit(recording: Recording) -> tuple[Tensor, Tensor]:
    """An edit and what a full run gives for it; the same for all proofs of a recording."""
    if recording not in _probe_edits:
        plain = recording.raw.detach()
        edited = plain * noise_like(plain)
        _probe_edits[recording] = edited, flat(full_run(recording, edited[None]))
    return _probe_edits[recording]


def _replay_error(
    run: Callable[[Tensor], Any], recording: Recording, edited: Tensor, slow: Tensor
) -> float:
    plain = recording.raw.detach()
    try:
        again, fast = flat(run(torch.stack([plain, edited])), 2)
    except Exception:  # noqa: BLE001 - whatever a call may raise on another batch, or under vmap
        return torch.inf
    recorded = flat(recording.output)
    if again.shape != recorded.shape or fast.shape != slow.shape:
        return torch.inf  # rows of something else than images were repeated with them
    unedited = largest(again - recorded, recorded)
    return float(torch.maximum(unedited, largest(fast - slow, slow)))


def largest(differences: Tensor, trusted: Tensor) -> Tensor:
    """The largest size of `differences` where `trusted` values are finite; 0 if none is.

    An image with nan in it proves nothing, and must not stand against the proof of the others.
    """
    sizes = differences.abs()
    return sizes.where(trusted.isfinite(), torch.zeros_like(sizes)).max()


def flat(output: Any, rows: int = 1) -> Tensor:
    """All floating-point values of an output, in `rows` rows; a single row has no axis for it."""
    floating = [t.detach() for t in tensors_in(output) if t.is_floating_point()]
    values = torch.cat([tensor.reshape(rows, -1) for tensor in floating], 1)
    return values if rows > 1 else values[0]
