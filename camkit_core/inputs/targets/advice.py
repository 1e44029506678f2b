"""What to pass for an output that has no class scores, in Python that works for that output.

Every piece of advice is an argument of `explain`, or two: `output=...`, `target=...`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor

from ...pytree import has_samples, located, sample_of
from .detections import are_detections, detections_in
from .found import NAMES, classes_in

Located = tuple[str, Tensor]
_PLACE = 3  # which of several numbers examples take
_MOST = 4  # pieces of advice
_READ_AS_MAPS = ("output", *(f"output[{name!r}]" for name in NAMES))
_VECTORS = re.compile(r"embed|pooler_output|feature|hidden_state|representation", re.IGNORECASE)


def advice(output: Any, images: int | None = None) -> str:
    """Arguments of `explain` for that output, joined by "or".

    Args:
        output: what the model returned.
        images: how many images there are; None if that is not known.
    """
    if has_samples(output):
        return _of_samples(list(output))
    if are_detections(output):
        count = len(output["boxes"])  # (N, A, 4)
        return _of_samples([sample_of(output, row, count) for row in range(count)])
    floating = [pair for pair in located(output) if pair[1].is_floating_point()]
    rows = images or next((len(tensor) for _, tensor in floating if tensor.ndim), 1)
    pieces = dict.fromkeys(piece for pair in floating for piece in _of_tensor(*pair, rows))
    if pieces:
        return " or ".join(list(pieces)[:_MOST])
    if not floating:
        return "a model that returns its scores, in floating point: wrap this one"
    return f"a callable, e.g. target=lambda output: {_number_of_image(floating, rows)}"


def number_in(sample: Any) -> str:
    """An expression for one number in one sample's part of an output."""
    for where, tensor in located(sample):
        if tensor.is_floating_point() and tensor.numel():
            return _number(where, tensor)
    return "output.sum()"


def _number_of_image(floating: list[Located], images: int) -> str:
    """The same for the output of all images; a tensor with a row for each of them is preferred."""
    for where, tensor in floating:
        if tensor.ndim and len(tensor) == images:
            return _number(where, tensor[0])
    return _number(*floating[0])


def _number(where: str, tensor: Tensor) -> str:
    if tensor.ndim == 0:
        return where
    place = f"{where}[{min(_PLACE, len(tensor) - 1)}]"
    return place if tensor.ndim == 1 else f"{place}.mean()"


def part(where: str) -> str:
    """The argument `output=` for the part that an expression gets."""
    key = re.fullmatch(r"output(?:\[('[^']*'|-?\d+)\]|\.(\w+))", where)
    if key is None:
        return f"output=lambda output: {where}"
    return f"output={key[1] or repr(key[2])}"


def _of_tensor(where: str, tensor: Tensor, images: int) -> Iterator[str]:
    """What fits one tensor of the output."""
    shape = tensor.shape
    if tensor.ndim and shape[0] == images and _VECTORS.search(where):
        return  # a vector that describes the image
    if tensor.ndim in (1, 2) and shape[0] == images and where != "output":
        yield part(where)
    elif tensor.ndim > 2 and shape[0] == images and set(shape[2:]) == {1}:
        yield f"output=lambda output: {where}.flatten(1)"
    elif tensor.ndim == 3:
        yield from _of_steps(where, shape, images)
    elif tensor.ndim > 3 and shape[0] == images:
        read = "" if where in _READ_AS_MAPS else f"{part(where)}, "
        yield f"{read}target={_segmentation(tensor)}"
    elif tensor.ndim > 3 and images in shape:
        axis = list(shape).index(images)
        moved = f"{where}.movedim({axis}, 0)"
        number = _number("output", tensor.movedim(axis, 0)[0])
        yield f"output=lambda output: {moved}, target=lambda output: {number}"


def _of_steps(where: str, shape: Sequence[int], images: int) -> Iterator[str]:
    """The last of several steps, or one of several heads, before or after the axis of images."""
    if shape[0] == images:
        yield f"output=lambda output: {where}[:, -1]"
    if shape[1] == images:
        yield f"output=lambda output: {where}[-1]"


def _segmentation(scores: Tensor) -> str:
    """A target for classes that the model finds in each image, from scores (N, K, ...)."""
    found = [classes_in(image) for image in scores]
    shared = [category for category in found[0] if all(category in each for each in found)]
    if shared:
        return f"SegmentationTarget({shared[0]})"
    if all(found):
        return f"[{', '.join(f'SegmentationTarget({each[0]})' for each in found)}]"
    return f"SegmentationTarget(0, torch.ones({', '.join(map(str, scores.shape[2:]))}))"


def _of_samples(samples: list[Any]) -> str:
    if not are_detections(samples[0]):
        return f"a callable, e.g. target=lambda output: {number_in(samples[0])}"
    found = list(map(detections_in, samples))
    labels = [each.labels.tolist() for each in found]
    if not all(labels):
        empty = labels.index([])
        return f"another image, or a lower threshold of scores: there is no detection in {empty}"
    best = [int(each.labels[int(each.scores.argmax())]) for each in found]
    shared = [label for label in best if all(label in each for each in labels)]
    if shared:
        return f"target=DetectionTarget({shared[0]})"
    return f"target=[{', '.join(f'DetectionTarget({label})' for label in best)}]"
