"""Each image's own part in its score, where images of a batch touch each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from ..errors import TargetError
from ..forward.recording import Recording
from ..inputs.targets.rows import wrong_rows
from ..pytree import outline, tensors_in
from .rows import values_of


def check_own_rows(recording: Recording, score: Tensor) -> None:
    """Raise TargetError if a callable target reads what are no rows of the images.

    Args:
        recording: of images that touch each other.
        score: (N,), with its graph.
    """
    images, output = len(recording.images), recording.output
    others = [
        tensor
        for tensor in tensors_in(output)
        if tensor.requires_grad and tensor.ndim and len(tensor) != images
    ]
    reads = _gradients_of(score.sum, others)
    for tensor, read in zip(others, reads, strict=True):
        if read is not None and _gradients_of(tensor.sum, [recording.raw])[0] is not None:
            raise wrong_rows(tensor, output, images)
    for image in range(images):
        (gradient,) = _gradients_of(partial(score.__getitem__, image), [recording.raw])
        own = values_of(recording, image)
        if gradient is not None and bool(gradient.any()) and not bool((gradient * own).any()):
            raise TargetError(
                f"the score of image {image} does not depend on that image but on others of the "
                f"batch: the target is given row {image} of {outline(output)}, which is no "
                f"image's; if another axis holds the images, move it to the front, e.g. "
                f"output=lambda output: output.movedim(1, 0)"
            )


def _gradients_of(
    score: Callable[[], Tensor], tensors: Sequence[Tensor]
) -> Sequence[Tensor | None]:
    if not tensors:
        return []
    with torch.enable_grad():
        value = score()
    return torch.autograd.grad(value, tensors, retain_graph=True, allow_unused=True)


def own_gradients(recording: Recording, scores: Sequence[Tensor]) -> Tensor:
    """The gradients (T, *raw.shape), at each image's activations that of its own score alone."""
    gradients = torch.zeros_like(recording.raw.detach()).repeat(
        len(scores), *[1] * recording.raw.ndim
    )
    for image in range(len(recording.images)):
        with torch.enable_grad():
            own = [score[image] for score in scores]
        of_one = recording.gradients(own)
        gradients = torch.where(values_of(recording, image), of_one, gradients)
    return gradients
