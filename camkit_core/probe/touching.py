"""Images that touch each other: whether one image's score depends on the others of its batch.

They do behind batch statistics in evaluation mode, a softmax over the batch, or a mean of all
images. Then the gradient of the scores' sum is no image's own gradient, and versions of one image
must not run beside each other. Both proofs are made once for a model, and remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import CamkitError, LayerError
from ..forward.chunks import out_of_memory
from ..forward.counting import counting
from ..forward.recording import Recording
from ..forward.snapshot import aside
from ..forward.torch_limits import total
from ..inputs.model_memory import ModelMemory
from ..inputs.seen import once
from ..inputs.values import hooks
from ..pytree import has_samples, tensors_in
from .rows import grid_of

NOTE = (
    "the images of this batch mix: what the model gives for one depends on the others, as by batch "
    "statistics in evaluation mode or a softmax over the batch; each map is of the image's own "
    "part in its score, beside these others"
)
_proofs: ModelMemory[Any] = ModelMemory()
_NORMS = "norms"


def images_touch(
    recording: Recording, scores: Sequence[Tensor], summed: Callable[[], Tensor]
) -> bool:
    """Whether an image's output, or its gradient at the layer, depends on the other images.

    Args:
        recording: the forward pass.
        scores: T times the score (N,) of each image, with its graph.
        summed: gives the gradients (T, *raw.shape) of each target's sum of scores.
    """
    if recording.images.shape[0] == 1:
        return False
    known = _proofs.of(recording.model)
    batch = _batch_key(recording, known)
    if _remembered(known, batch, recording, lambda: _outputs_touch(recording)):
        return True
    if not all(score.requires_grad for score in scores):
        return False
    key = id(recording.adapter.layer), recording.images.shape, graph_signature(scores)
    try:
        return _remembered(
            known, key, recording, lambda: _gradients_touch(recording, scores, summed())
        )
    except LayerError:
        return False  # no gradient, or no grid: what asks for one says so


def rows_touch(recording: Recording) -> bool:
    """Whether versions of a single image, the recorded one, must not run beside each other."""
    if len(recording.images) != 1:
        return False
    known = _proofs.of(recording.model)
    key = ("rows", *_batch_key(recording, known))
    return _remembered(known, key, recording, lambda: _versions_touch(recording))


def _versions_touch(recording: Recording) -> bool:
    rows = torch.cat([recording.images, recording.images.flip(-1) * 3])

    def run(rows: Tensor) -> Any:
        return recording.run(rows, image=0)

    with torch.no_grad():
        return not _same_row(recording.output, run(rows.clone()), 0, 2) and _mixes(run, rows, 0)


def _finite(output: Any) -> bool:
    return all(bool(t.isfinite().all()) for t in tensors_in(output) if t.is_floating_point())


def _remembered(
    known: dict[Any, Any], key: Hashable, recording: Recording, proof: Callable[[], bool]
) -> bool:
    if key not in known:
        if not _finite(recording.output):
            return False  # what an image with nan shows is proof of nothing, and not remembered
        with counting(), aside(recording.model):  # a proof is no run of the method's
            known[key] = proof()
    return bool(known[key])


def _batch_key(recording: Recording, known: dict[Any, Any]) -> tuple[Hashable, ...]:
    """What the outputs' independence is proved for: images' shape, norms' statistics, and hooks.

    A norm without running statistics takes those of the batch.
    """
    if _NORMS not in known:
        modules = recording.model.modules()
        known[_NORMS] = [module for module in modules if "running_mean" in module._buffers]
    of_batch = tuple(norm._buffers["running_mean"] is None for norm in known[_NORMS])
    hooked = once(recording.model, "hooks", lambda: hooks(recording.model.modules()))
    return recording.images.shape[1:], of_batch, hooked, recording.companions.identity


# The outputs


def _outputs_touch(recording: Recording) -> bool:
    """Whether an image alone gets another output than in its batch, for no other reason."""
    images = recording.images
    image = len(images) // 2
    with torch.no_grad():
        try:
            alone = recording.run(images[image : image + 1].clone(), image)
        except CamkitError:
            raise
        except RuntimeError as error:
            if out_of_memory(error):
                raise
            return True  # a norm that needs two rows
        except (ValueError, AssertionError, IndexError):  # of a model that needs its batch
            return True
        if _same_row(alone, recording.output, image, len(images)):
            return False
        return _mixes(recording.run, images, image)


def _mixes(run: Callable[[Tensor], Any], rows: Tensor, row: int) -> bool:
    """Whether a row's output changes with the other rows, by more than it does by chance."""
    others = rows.flip(-1) * 0.5
    others[row] = rows[row]
    first, again, changed = run(rows.clone()), run(rows.clone()), run(others)
    size = len(rows)
    chance = _difference(again, first, row, size)
    return _difference(changed, first, row, size) > 10 * chance + 1e-5


def _same_row(alone: Any, batch: Any, row: int, count: int) -> bool:
    """Whether the output for one row alone is that row of the output for a batch."""
    if has_samples(batch):
        return True  # how many objects are found is no measure: it depends on rounding
    pairs = zip(tensors_in(alone), tensors_in(batch), strict=False)
    return all(_close(*pair, row) for pair in pairs if _is_row(*pair, count))


def _is_row(alone: Tensor, batch: Tensor, count: int) -> bool:
    if not alone.is_floating_point() or not batch.ndim or len(batch) != count:
        return False
    return alone.shape in (batch[:1].shape, batch.shape[1:])


def _close(alone: Tensor, batch: Tensor, row: int) -> bool:
    if not batch.numel():
        return True
    error = (alone - batch[row : row + 1].view(alone.shape)).abs().max()
    return bool(error <= max(1e-3, 20 * torch.finfo(batch.dtype).eps) * batch.abs().max())


def _difference(output: Any, other: Any, row: int, count: int) -> float:
    """The largest difference between two outputs at a row, relative to the output's size."""
    differences = [0.0]
    for of_output, of_other in zip(tensors_in(output), tensors_in(other), strict=False):
        comparable = of_output.shape == of_other.shape and of_output.is_floating_point()
        if comparable and of_output.ndim and len(of_output) == count and of_output.numel():
            error = (of_output[row] - of_other[row]).abs().max()
            differences.append(float(error / of_other.abs().max().clamp(min=1e-30)))
    return max(differences)


# The gradients


def _gradients_touch(recording: Recording, scores: Sequence[Tensor], summed: Tensor) -> bool:
    """Whether the gradient at an image's activations depends on the weights of other scores."""
    weights = 2.0 ** (torch.arange(len(recording.images), device=summed.device) % 4)
    for score, plain in zip(scores, summed, strict=True):
        # Powers of two scale a gradient without rounding it.
        with torch.enable_grad():
            product = score * weights.to(score.dtype)
        weighted = torch.autograd.grad(
            total(product),
            recording.raw,
            retain_graph=True,
            allow_unused=True,
            materialize_grads=True,
        )[0]
        if _rows_differ(grid_of(recording, weighted), grid_of(recording, plain), weights):
            return True
    return False


def _rows_differ(weighted: Tensor, plain: Tensor, weights: Tensor) -> bool:
    own, plain = weighted.flatten(1) / weights.to(plain)[:, None], plain.flatten(1)
    errors = (own - plain).abs().amax(1)
    sizes = torch.maximum(own.abs().amax(1), plain.abs().amax(1))
    return bool((errors > 1e-3 * torch.maximum(sizes, 1e-4 * sizes.max())).any())


def graph_signature(scores: Sequence[Tensor]) -> int:
    """A number that tells the calls behind scores from others, as far as autograd notes them."""
    waiting = [score.grad_fn for score in scores]
    known, notes = set(waiting), []
    while waiting:
        node: Any = waiting.pop()
        notes.append((type(node), *(getattr(node, name, None) for name in _TOLD)))
        for child, _ in node.next_functions:
            if child is not None and child not in known:
                known.add(child)
                waiting.append(child)
    return hash(tuple(notes))


_TOLD = (
    "_saved_dim",
    "_saved_training",
)  # which axis a call takes, and where a norm has its values
