"""Targets for models that do more than tell classes apart: pass one as `target=`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from .errors import TargetError
from .targets import Score
from .trees import outline


@dataclass(frozen=True, eq=False)
class SegmentationTarget:
    """The mean score of a class over a part of the image, of a model that scores each pixel.

    Args:
        category: the class.
        mask: boolean (H, W), which of the output's pixels count; None for those where the model
            finds the class in the plain image.
    """

    category: int
    mask: Tensor | None = None
    follows_places = True

    def __call__(self, sample: Any) -> Tensor:
        scores = _class_maps(sample, self.category)
        mask = _found(scores, self.category) if self.mask is None else self.mask.to(scores.device)
        if mask.shape != scores.shape[1:]:
            raise TargetError(
                f"expected a mask {tuple(scores.shape[1:])}, as large as the model's output, got "
                f"{tuple(mask.shape)}"
            )
        return scores[self.category][mask.bool()].mean()

    def fixed(self, sample: Any) -> Score:
        """The same with the mask that the model finds for one image, so that edits keep it."""
        if self.mask is not None:
            return self
        scores = _class_maps(sample, self.category)
        mask = _found(scores, self.category)
        if not bool(mask.any()):
            seen = ", ".join(map(str, torch.unique(scores.argmax(0)).tolist()[:10]))
            raise TargetError(
                f"the model finds class {self.category} nowhere in the image, only {seen}; pass "
                f"one of these, or SegmentationTarget({self.category}, mask=...)"
            )
        return replace(self, mask=mask)


@dataclass(frozen=True, eq=False)
class DetectionTarget:
    """How surely a detector finds an object, and how well it places it: score times overlap.

    The best such product over the detections of the class, 0 if there is none. Takes what
    torchvision's detectors return for an image: `boxes` (K, 4) as x1, y1, x2, y2, `labels` (K,)
    and `scores` (K,).

    Args:
        category: the class.
        box: x1, y1, x2, y2 in pixels of the image; None for the class's best detection.
    """

    category: int
    box: tuple[float, float, float, float] | None = None
    follows_places = True

    def __call__(self, sample: Any) -> Tensor:
        boxes, scores = self._of_class(sample)
        if self.box is None:
            return scores.max() if len(scores) else scores.sum()
        worth = scores * overlap(boxes, self.box)
        return worth.max() if len(worth) else worth.sum()

    def fixed(self, sample: Any) -> Score:
        """The same with the box of the class's best detection in one image."""
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
        own = sample["labels"] == self.category
        return sample["boxes"][own], sample["scores"][own]


@dataclass(frozen=True, eq=False)
class SimilarityTarget:
    """The cosine similarity of an image's embedding to a vector: another image's, or a text's.

    Args:
        embedding: (D,).
        key: what the model's output calls the image's embedding; None if it is a tensor, or the
            only one (D,) in it.
    """

    embedding: Tensor
    key: str | None = None

    def __call__(self, sample: Any) -> Tensor:
        own = _vector(sample, self.key)
        if own.shape != self.embedding.shape:
            raise TargetError(
                f"expected an embedding {tuple(self.embedding.shape)} from the model, as the one "
                f"to compare with, got {tuple(own.shape)}"
            )
        return torch.cosine_similarity(own, self.embedding.to(own), dim=0)


@dataclass(frozen=True, eq=False)
class RegressionTarget:
    """One of the numbers a model predicts, or how near it comes to a value.

    Args:
        index: which of the numbers.
        value: None for the number itself: what raises it? Otherwise the negative distance to the
            value: what brings the prediction there?
    """

    index: int = 0
    value: float | None = None

    def __call__(self, sample: Any) -> Tensor:
        numbers = _vector(sample, None, at_least=0).reshape(-1)
        if not 0 <= self.index < len(numbers):
            raise TargetError(
                f"target {self.index} is out of range: the model predicts {len(numbers)} numbers"
            )
        number = numbers[self.index]
        return number if self.value is None else -(number - self.value).abs()


def overlap(boxes: Tensor, box: tuple[float, float, float, float]) -> Tensor:
    """The intersection over union (K,) of each of `boxes` (K, 4) with one box, in [0, 1]."""
    other = boxes.new_tensor(box)
    low, high = torch.maximum(boxes[:, :2], other[:2]), torch.minimum(boxes[:, 2:], other[2:])
    shared = (high - low).clamp(min=0).prod(1)
    sizes = _areas(boxes) + _areas(other[None])
    return shared / (sizes - shared).clamp(min=torch.finfo(boxes.dtype).tiny)


def _areas(boxes: Tensor) -> Tensor:
    return (boxes[:, 2:] - boxes[:, :2]).prod(1)


def _class_maps(sample: Any, category: int) -> Tensor:
    """The score of each class at each pixel: (K, H, W), one of them `category`."""
    if isinstance(sample, Mapping):
        found = sample.get("out", sample.get("logits"))
    else:
        found = getattr(sample, "logits", sample)
    if isinstance(found, Tensor) and found.ndim == 3:
        if not 0 <= category < len(found):
            raise TargetError(
                f"target {category} is out of range: the model scores {len(found)} classes"
            )
        return found
    raise TargetError(
        f"expected scores (classes, H, W) for each image from the model, got {outline(sample)}"
    )


def _found(scores: Tensor, category: int) -> Tensor:
    if len(scores) == 1:
        return scores[0] > 0
    return scores.argmax(0) == category


def _vector(sample: Any, key: str | None, at_least: int = 1) -> Tensor:
    found = sample
    if key is not None:
        found = sample.get(key) if isinstance(sample, Mapping) else getattr(sample, key, None)
    if isinstance(found, Tensor) and at_least <= found.ndim <= 1:
        return found
    wanted = f"{key!r}, a vector for each image," if key else "a vector for each image"
    raise TargetError(f"expected {wanted} from the model, got {outline(sample)}")


def _listed(sample: Any) -> str:
    best = sample["scores"].argsort(descending=True)[:5].tolist()
    found = [
        f"class {int(sample['labels'][i])} at {[round(x) for x in sample['boxes'][i].tolist()]} "
        f"({float(sample['scores'][i]):.2f})"
        for i in best
    ]
    return ", ".join(found) or "nothing at all"
