"""Tail runs: what the model computes after the target layer, run again on edited activations.

During the one forward pass a `Tape` notes every torch call that depends on the target layer's
output, beginning when the layer returns. Replayed, it answers for many edited activations at
once; what does not depend on the layer is not computed again. The noted calls are the ones that
ran, with the batch they ran on, so residual and dense connections, modules called twice, tuples
and in-place operations need no special care.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from ...forward.counting import count
from ...forward.tape import Tape
from ...forward.untouched import hooked
from ...pytree import has_runs, has_samples, map_tensors, replace_first, tensors_in
from .replay import Replay, batched, vmapped

if TYPE_CHECKING:
    from ...forward.recording import Recording


def tail_outputs(recording: Recording, edits: Tensor) -> Any:
    """The model's outputs for M versions (M, N, ...) of the layer's output, M and N first.

    The one entrance to the fast way: the tape is replayed where that has proved itself on this
    model and layer, and the whole model is run otherwise.
    """
    replay = proven_replay(recording)
    if replay:
        count("tail", len(edits) * len(recording.images))
    return replay(recording.tape, edits) if replay else full_run(recording, edits)


def full_run(recording: Recording, edits: Tensor) -> Any:
    """The same by running the whole model, with a hook that swaps the layer's output."""
    if recording.tape.reads_values and len(edits) > 1:
        # What the model reads, it reads of all rows together: one edit must not decide for another.
        alone = [full_run(recording, edit[None]) for edit in edits]
        if has_runs(alone[0]):
            return [run for runs in alone for run in runs]
        columns = zip(*map(tensors_in, alone), strict=True)
        joined = iter([torch.cat(column) for column in columns])
        return map_tensors(lambda _: next(joined), alone[0])
    many, images = len(edits), recording.images
    rows = images.repeat(many, *[1] * (images.ndim - 1))
    handed = edits.flatten(0, 1).clone()

    def swap(module: nn.Module, args: Any, output: Any) -> Any:
        return replace_first(output, handed)

    with hooked(recording.adapter.layer, swap):
        output = recording.run(rows)
    if has_samples(output):
        return [output[start : start + len(images)] for start in range(0, len(rows), len(images))]
    return map_tensors(lambda tensor: _by_run(tensor, many, len(rows)), output)


def _by_run(tensor: Tensor, many: int, rows: int) -> Tensor:
    """A tensor of the output, a run first; one that has no row for each image is every run's."""
    if tensor.ndim and len(tensor) == rows:
        return tensor.reshape(many, rows // many, *tensor.shape[1:])
    return tensor.expand(many, *tensor.shape)


_proofs: WeakKeyDictionary[nn.Module, dict[Any, bool]] = WeakKeyDictionary()
COARSE = 0.15  # of an edit's effect; the most that coarse rounding may hide
_probe_edits: WeakKeyDictionary[Recording, tuple[Tensor, Tensor]] = WeakKeyDictionary()


def proven_replay(recording: Recording) -> Replay | None:
    """The quickest replay known to equal full runs; finds out once, then remembers.

    Unedited activations must give back the recorded output, and an edit what a full run gives.
    """
    if recording.tape.complete:
        for way in (batched, vmapped):
            if proved(recording, way.__name__, partial(_replay_error, way)):
                return way
    return None


def proved(recording: Recording, what: str, error: Callable[..., Any]) -> bool:
    """Whether a way of answering proved exact, for this model, layer and sequence of calls.

    Another image shape or another control flow is another proof.

    Args:
        recording: the forward pass.
        what: the way of answering.
        error: from an edit (N, ...) and what a full run gives for it (1, rows) to the largest
            error of the way on trial; inf if it cannot be taken.
    """
    verdicts = _proofs.setdefault(recording.model, {})
    key = what, id(recording.adapter.layer), recording.images.shape, signature(recording.tape)
    if key in verdicts:
        return verdicts[key]
    edited, slow = _probe_edit(recording)
    known = flat(recording.output)
    if slow.shape != known.shape:
        return False  # as of a detector, which finds more or fewer objects
    change = float((slow - known).abs().max())
    if change == 0:
        return False  # nothing depends on these activations, which proves nothing
    eps, largest = torch.finfo(known.dtype).eps, float(known.abs().max())
    off = error(recording, edited, slow) - 1e-3 * change
    # Rounding grows with depth; half precision is so coarse that it must stay near one step.
    steps, share = (200, 0.05) if eps < 1e-6 else (4, COARSE)
    exact = off <= min(steps * eps * largest, share * change)
    verdicts[key] = exact or (off <= COARSE * change and off <= 4 * _noise(recording))
    return verdicts[key]


def _noise(recording: Recording) -> float:
    """By how much full runs of more rows round otherwise, as on a GPU that multiplies coarsely.

    Another batch size may take another algorithm there. Zero where the difference is more than
    rounding, as of a model that mixes its rows.
    """
    plain, known = recording.raw.detach(), flat(recording.output)
    runs = full_run(recording, torch.stack([plain, plain]))
    again = flat(runs[0] if has_runs(runs) else map_tensors(lambda tensor: tensor[0], runs))
    noise = float((again - known).abs().max()) if again.shape == known.shape else 0.0
    return noise if noise < float(known.abs().max()) / 128 else 0.0


def _probe_edit(recording: Recording) -> tuple[Tensor, Tensor]:
    """An edit and what a full run gives for it; the same for all ways to be proved."""
    if recording not in _probe_edits:
        plain = recording.raw.detach()
        edited = plain * torch.rand_like(plain)
        _probe_edits[recording] = edited, flat(full_run(recording, edited[None]))
    return _probe_edits[recording]


def _replay_error(replay: Replay, recording: Recording, edited: Tensor, slow: Tensor) -> float:
    plain = recording.raw.detach()
    try:
        again, fast = flat(replay(recording.tape, torch.stack([plain, edited])), 2)
    except Exception:  # noqa: BLE001 - whatever a call may raise on another batch, or under vmap
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
