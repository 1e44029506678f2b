"""Targets of detectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import torch
from annotated_types import Len
from torch import Tensor

from ...arguments import as_list, as_python, checked
from ...errors import TARGET_ERRORS, TargetError
from ...pytree import outline
from .protocol import Score

_Box = Annotated[Sequence[float], Len(4, 4)]


@dataclass(frozen=True, eq=False)
class DetectionTarget:
    """How surely a detector finds an object, and how well it places it: score times overlap.

    The target's value is the largest such product over the detections of the class, and 0 without
    any. The output for an image is that of torchvision's detectors: `boxes` (K, 4) as x1, y1, x2,
    y2, `labels` (K,) and `scores` (K,). Of another detector, an adapter's `output` makes it so.

    Args:
        category: the class.
        box: x1, y1, x2, y2 in pixels of the image; None for the class's best detection.

    Raises:
        TargetTypeError: for a category that is no integer, or a box that is no numbers.
        TargetError: for a box of another number of numbers.
    """

    category: int
    box: tuple[float, float, float, float] | None = None
    follows_places = True

    def __post_init__(self) -> None:
        category = checked("DetectionTarget", "category", self.category, int, TARGET_ERRORS)
        object.__setattr__(self, "category", category)
        if (numbers := as_list(self.box)) is not None:
            object.__setattr__(self, "box", tuple(map(as_python, numbers)))
        checked("DetectionTarget", "box", self.box, _Box | None, TARGET_ERRORS)

    def __call__(self, sample: Any) -> Tensor:
        boxes, scores = self._of_class(sample)
        if self.box is None:
            return scores.max() if len(scores) else scores.sum()
        products = scores * overlap(boxes, self.box)
        return products.max() if len(products) else products.sum()

    def fixed(self, sample: Any) -> Score:
        """The same target with the box of the class's best detection in one image."""
        boxes, scores = self._of_class(sample)
        fitting = _areas(boxes) > 0 if self.box is None else overlap(boxes, self.box) > 0
        if not bool(fitting.any()):
            where = "" if self.box is None else f" that overlaps {self.box}"
            raise TargetError(
                f"the detector finds no object of class {self.category}{where}; it finds "
                f"{_listed(sample)}"
            )
        if self.box is not None:
            return self
        return replace(self, box=tuple(boxes[(scores * fitting).argmax()].tolist()))

    def _of_class(self, sample: Any) -> tuple[Tensor, Tensor]:
        if not isinstance(sample, Mapping) or not {"boxes", "labels", "scores"} <= set(sample):
            raise TargetError(
                f"expected boxes, labels and scores from the detector, got {outline(sample)}"
            )
        of_class = sample["labels"] == self.category
        return sample["boxes"][of_class], sample["scores"][of_class]


def overlap(boxes: Tensor, box: tuple[float, float, float, float]) -> Tensor:
    """The intersection over union (K,) of each of `boxes` (K, 4) with one box, in [0, 1]."""
    other = boxes.new_tensor(box)
    low, high = torch.maximum(boxes[:, :2], other[:2]), torch.minimum(boxes[:, 2:], other[2:])
    shared = (high - low).clamp(min=0).prod(1)
    sizes = _areas(boxes) + _areas(other[None])
    return shared / (sizes - shared).clamp(min=torch.finfo(boxes.dtype).tiny)


def _areas(boxes: Tensor) -> Tensor:
    return (boxes[:, 2:] - boxes[:, :2]).prod(1)


def _listed(sample: Any) -> str:
    best = sample["scores"].argsort(descending=True)[:5].tolist()
    detections = [
        f"class {int(sample['labels'][i])} at {[round(x) for x in sample['boxes'][i].tolist()]} "
        f"({float(sample['scores'][i]):.2f})"
        for i in best
    ]
    return ", ".join(detections) or "nothing at all"
