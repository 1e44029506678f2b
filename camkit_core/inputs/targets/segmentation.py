"""Targets of models that score each pixel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ...errors import TargetError
from ...pytree import outline
from .protocol import Score


@dataclass(frozen=True, eq=False)
class SegmentationTarget:
    """The mean score of a class over a part of the image, for a model that scores each pixel.

    Args:
        category: the class.
        mask: boolean (H, W), which of the output's pixels count; None for the pixels where the
            model finds the class in the plain image.
    """

    category: int
    mask: Tensor | None = None
    follows_places = True

    def __call__(self, sample: Any) -> Tensor:
        scores = _class_maps(sample, self.category)
        mask = (
            _found_in(scores, self.category) if self.mask is None else self.mask.to(scores.device)
        )
        if mask.shape != scores.shape[1:]:
            raise TargetError(
                f"expected a mask {tuple(scores.shape[1:])}, as large as the model's output, got "
                f"{tuple(mask.shape)}"
            )
        return scores[self.category][mask.bool()].mean()

    def fixed(self, sample: Any) -> Score:
        """The same target with the mask that the model finds in one image, for its edits, too."""
        if self.mask is not None:
            return self
        scores = _class_maps(sample, self.category)
        mask = _found_in(scores, self.category)
        if not bool(mask.any()):
            classes = ", ".join(map(str, torch.unique(scores.argmax(0)).tolist()[:10]))
            raise TargetError(
                f"the model finds class {self.category} nowhere in the image, only {classes}; pass "
                f"one of these, or SegmentationTarget({self.category}, mask=...)"
            )
        return replace(self, mask=mask)


def _class_maps(sample: Any, category: int) -> Tensor:
    """The score of each class at each pixel: (K, H, W), one of them `category`."""
    if isinstance(sample, Mapping):
        scores = sample.get("out", sample.get("logits"))
    else:
        scores = getattr(sample, "logits", sample)
    if isinstance(scores, Tensor) and scores.ndim == 3:
        if not 0 <= category < len(scores):
            raise TargetError(
                f"target {category} is out of range: the model scores {len(scores)} classes"
            )
        return scores
    raise TargetError(
        f"expected scores (classes, H, W) for each image from the model, got {outline(sample)}"
    )


def _found_in(scores: Tensor, category: int) -> Tensor:
    """The pixels at which the model finds the class: (H, W), boolean."""
    if len(scores) == 1:
        return scores[0] > 0
    return scores.argmax(0) == category
