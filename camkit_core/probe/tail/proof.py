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

from collections.abc import Callable, Hashable
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from ...forward.counting import count
from ...forward.signature import signature
from ...forward.snapshot import aside
from ...inputs.model_memory import ModelMemory
from ...pytree import has_runs, map_tensors
from .full_runs import flat, full_run, largest, probe_edit
from .needed_rows import needed_tape, tape_apart, unmoved_by_tape
from .replay import Replay, batched, vmapped

if TYPE_CHECKING:
    from ...forward.recording import Recording
    from ...forward.tape import Tape


_proofs: ModelMemory[bool] = ModelMemory()
_signatures: WeakKeyDictionary[Recording, Hashable] = WeakKeyDictionary()
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


def proven_tail(recording: Recording) -> Callable[[Tensor], Any] | None:
    """From versions of the layer's output to outputs, by the quickest replay that is proved.

    Where some rows alone reach the output, only these are computed. None if no replay is proved.
    """
    if unmoved(recording):
        return partial(_recorded_again, recording)
    for kind, short in (("apart ", tape_apart), ("short ", needed_tape)):
        tape = short(recording)
        replay = proven_replay(recording, tape, kind) if tape else None
        if replay:
            return partial(replay, tape)
    replay = proven_replay(recording)
    return partial(replay, recording.tape) if replay else None


def unmoved(recording: Recording) -> bool:
    """Whether no edit changes the output, as behind a head whose weights are all zero.

    The calls tell it, and a full run of one edit.
    """
    return unmoved_by_tape(recording) and torch.equal(
        probe_edit(recording)[1], flat(recording.output)
    )


def _recorded_again(recording: Recording, edits: Tensor) -> Any:
    return map_tensors(
        lambda tensor: tensor.detach().expand(len(edits), *tensor.shape), recording.output
    )


def proven_replay(recording: Recording, short: Tape | None = None, kind: str = "") -> Replay | None:
    """The quickest replay proved to equal full runs; None if there is none.

    Unedited activations must give back the recorded output, and an edit what a full run gives.

    Args:
        recording: the forward pass.
        short: a tape of fewer rows, in place of what ran.
        kind: its name among proofs.
    """
    if recording.tape.complete:
        tape = short or recording.tape
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
    with aside(recording.model):
        return _proved(proofs, key, recording, error)


def _proved(
    proofs: dict[Any, bool], key: Hashable, recording: Recording, error: Callable[..., Any]
) -> bool:
    edited, slow = probe_edit(recording)
    recorded = flat(recording.output)
    if slow.shape != recorded.shape:
        return False  # e.g. a detector finds more or fewer objects
    change = float(largest(slow - recorded, slow + recorded))
    if change == 0:
        return False  # the output does not depend on these activations, so an edit proves nothing
    try:
        rounding = error(recording, edited, slow) - 1e-3 * change
    except NotImplementedError:  # of a weight of a class of its own, as one of few bits
        rounding = torch.inf
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
