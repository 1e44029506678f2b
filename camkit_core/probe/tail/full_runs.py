"""Full runs: the outputs of edits by whole passes of the model, which prove quicker ways."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from ...forward.cut import Cut
from ...forward.random_states import noise_like
from ...forward.untouched import hooked
from ...pytree import has_runs, has_samples, located, map_tensors, rowwise, tensors_in
from ..rows import row_axis
from ..touching import rows_touch

if TYPE_CHECKING:
    from ...forward.recording import Recording

_probe_edits: WeakKeyDictionary[Recording, tuple[Tensor, Tensor]] = WeakKeyDictionary()
_STRONG = 4096.0  # the factor of an edit that would else drown in rounding


def full_run(recording: Recording, edits: Tensor) -> Any:
    """The model's outputs for M versions (M, N, ...) of the layer's output, M and N first.

    The whole model is run, with a hook that swaps the layer's output.
    """
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


def probe_edit(recording: Recording) -> tuple[Tensor, Tensor]:
    """An edit and what a full run gives for it; the same for all proofs of a recording."""
    if recording not in _probe_edits:
        plain, recorded = recording.raw.detach(), flat(recording.output)
        edited = plain * noise_like(plain)
        slow = flat(full_run(recording, edited[None]))
        if _drowned(slow, recorded):
            edited = edited * _STRONG
            slow = flat(full_run(recording, edited[None]))
        _probe_edits[recording] = edited, slow
    return _probe_edits[recording]


def _drowned(slow: Tensor, recorded: Tensor) -> bool:
    """Whether an edit changes the output by hardly more than rounding does.

    So it is where a layer scale is still as small as at the start of training.
    """
    eps = torch.finfo(recorded.dtype).eps
    if slow.shape != recorded.shape or eps > 1e-6:
        return False
    change = float(largest(slow - recorded, slow + recorded))
    return 0 < change < 100 * eps * float(largest(recorded, recorded))


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
