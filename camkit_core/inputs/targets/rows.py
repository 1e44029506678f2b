"""One row of output for each image: checked before a score is read, as rows go by position."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ...errors import TargetError, counted
from ...pytree import has_samples, located, tensors_in
from .found import scores_in


def check_class_rows(scores: Tensor, output: Any, images: int) -> None:
    """Raise TargetError unless class scores (rows, K) have a row for each image.

    Args:
        scores: what was found in the output.
        output: what the model returned.
        images: how many images there are.
    """
    if scores.shape[0] != images:
        found = scores_in(output)
        raise wrong_rows(found[1] if found else scores, output, images)


def check_sample_rows(output: Any, images: int) -> None:
    """Raise TargetError unless each image has its part of the output, for callable targets.

    One tensor with a row for each image is enough: the others, such as embeddings of texts, belong
    to each image. All of the output for a single image is that image's.
    """
    if has_samples(output):
        if len(output) != images:
            raise _wrong_samples(len(output), images)
        return
    tensors = list(tensors_in(output))
    if images > 1 and tensors and not any(_row_count(tensor) == images for tensor in tensors):
        raise wrong_rows(max(tensors, key=_row_count), output, images)


def _row_count(tensor: Tensor) -> int:
    return len(tensor) if tensor.ndim else 0


def _wrong_samples(samples: int, images: int) -> TargetError:
    return TargetError(
        f"the model gave the results of {samples} images for {counted(images, 'image')}; pass the "
        f"images one by one, or wrap the model so that it gives one result for each image"
    )


def wrong_rows(tensor: Tensor, output: Any, images: int) -> TargetError:
    """The error for a tensor of the output that a target reads, without a row for each image."""
    shape = tuple(tensor.shape)
    rows = counted(len(tensor), "row") if tensor.ndim else "a single number"
    return TargetError(
        f"the model gave {rows} for {counted(images, 'image')}, a tensor {shape}; a target reads "
        f"one row for each image. {_advice(shape, _where(tensor, output), images)}"
    )


def _advice(shape: tuple[int, ...], where: str, images: int) -> str:
    """What to do about a tensor of that shape, which the expression `where` gets of the output."""
    rows = shape[0] if shape else 0
    if images == 1 and len(shape) == 1:
        return f"If they are its classes: output=lambda output: {where}.reshape(-1, {rows})"
    if images in shape[1:] and rows > 1 and (len(shape) > 2 or rows % images):
        axis = shape.index(images, 1)
        return f"If axis {axis} holds the images: output=lambda output: {where}.movedim({axis}, 0)"
    if rows > images and rows % images == 0:
        return (
            f"If {rows // images} rows in a row belong to each image, take e.g. their mean: "
            f"output=lambda output: {where}.unflatten(0, (-1, {rows // images})).mean(1)"
        )
    if rows == 1:
        repeated = ", ".join(["-1"] * (len(shape) - 1))
        return (
            f"If the model reads all images together, as one bag or clip, explain each image's "
            f"part in its score: output=lambda output: {where}.expand({images}, {repeated})"
        )
    return "Pass the images one by one, or wrap the model so that it gives one row for each image"


def _where(tensor: Tensor, output: Any) -> str:
    """An expression for a tensor of the output."""
    return next((where for where, value in located(output) if value is tensor), "output")
