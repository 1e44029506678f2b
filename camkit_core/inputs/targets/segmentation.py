"""Targets of models that score each pixel, or each place of a volume."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ...arguments import checked
from ...errors import TARGET_ERRORS, TargetError, TargetTypeError, shown
from ...pytree import located, outline
from .advice import part
from .found import classes_in, maps_in, places_of
from .protocol import Score


@dataclass(frozen=True, eq=False)
class SegmentationTarget:
    """The mean score of a class over a part of the image, for a model that scores each place.

    The scores of one image are (K, H, W), or (K, D, H, W) of a volume: the model's output, its
    `logits` or `out`, or the only tensor in it that can be.

    Args:
        category: the class.
        mask: boolean tensor or array (H, W), or of the volume's size: which of the output's pixels
            count. Where the output is smaller than the image, a mask of the image's size may be
            given: each of the output's pixels then counts as much as the mask covers of it. None
            is for the pixels where the model finds the class in the plain image.

    Raises:
        TargetTypeError: for a category that is no integer, or a mask that holds no numbers.
    """

    category: int
    mask: Tensor | np.ndarray[Any, Any] | None = None
    follows_places = True

    def __post_init__(self) -> None:
        category = checked("SegmentationTarget", "category", self.category, int, TARGET_ERRORS)
        object.__setattr__(self, "category", category)
        if self.mask is not None:
            _as_mask(self.mask)

    def __call__(self, sample: Any) -> Tensor:
        scores = _class_maps(sample, self.category, self.mask)
        if self.mask is None:
            mask = places_of(scores, self.category)
        else:
            mask = _fitted(_as_mask(self.mask).to(scores.device), scores)
        if mask.dtype == torch.bool:
            return scores[self.category][mask].mean()
        weights = mask.to(scores.dtype)
        return (scores[self.category] * weights).sum() / weights.sum()

    def fixed(self, sample: Any) -> Score:
        """The same target with the mask that the model finds in one image, for its edits, too."""
        scores = _class_maps(sample, self.category, self.mask)
        if self.mask is not None:
            if not bool(_as_mask(self.mask).any()):
                raise TargetError("the mask is empty; mark the pixels whose score is explained")
            return self
        mask = places_of(scores, self.category)
        if not bool(mask.any()):
            raise TargetError(self._found_nowhere(scores))
        return replace(self, mask=mask)

    def everywhere(self) -> Score:
        """The class's mean score over all places, by which the layer is looked for."""
        return _Everywhere(self)

    def _found_nowhere(self, scores: Tensor) -> str:
        found = sorted(classes_in(scores)[:10])
        only = f", only {', '.join(map(str, found))}; pass one of these" if found else ""
        size = ", ".join(map(str, scores.shape[1:]))
        return (
            f"the model finds class {self.category} nowhere in the image{only}; or say where: "
            f"SegmentationTarget({self.category}, mask=torch.ones({size}))"
        )


@dataclass(frozen=True, eq=False)
class _Everywhere:
    """The mean score of a target's class over all places."""

    target: SegmentationTarget

    def __call__(self, sample: Any) -> Tensor:
        category = self.target.category
        return _class_maps(sample, category, self.target.mask)[category].mean()


def _as_mask(mask: Any) -> Tensor:
    """A boolean mask of whatever a user has: a tensor, an array, nested lists."""
    try:
        given = (
            mask if isinstance(mask, Tensor) else torch.as_tensor(np.asarray(mask), device="cpu")
        )
    except (TypeError, ValueError, RuntimeError):
        raise TargetTypeError(
            f"expected a mask as a tensor, an array or nested lists of numbers; got {shown(mask)}"
        ) from None
    if given.is_meta or given.is_complex():
        raise TargetTypeError(f"expected a mask of True and False; got {shown(mask)}")
    return given != 0


def _class_maps(sample: Any, category: int, mask: Any) -> Tensor:
    """The score of each class at each place: (K, H, W), one of them `category`."""
    found = maps_in(sample)
    scores = None if found is None else found[1]
    if scores is not None and mask is not None and np.shape(mask) == scores.shape:
        scores = scores[None]  # of a single class, without an axis for it
    if scores is None or scores.ndim < 3 - (mask is not None):
        raise TargetError(
            f"expected scores (classes, H, W) for each image from the model, got "
            f"{outline(sample)}{_advice(sample)}"
        )
    if not 0 <= category < len(scores):
        raise TargetError(
            f"target {shown(category)} is out of range: the model scores {len(scores)} classes"
        )
    return scores


def _advice(sample: Any) -> str:
    dense = [(where, tensor) for where, tensor in located(sample) if tensor.ndim > 1]
    several = [part(where) for where, tensor in dense if tensor.ndim > 2]
    if several:
        return f"; say which with {' or '.join(several)}"
    if len(dense) == 1:
        where = dense[0][0]
        return f"; where the only class has no axis, pass output=lambda output: {where}[:, None]"
    return ""


def _fitted(mask: Tensor, scores: Tensor) -> Tensor:
    """The mask at the size of the scores (K, ...): boolean where it has it, else in [0, 1].

    Raises:
        TargetError: if it has not the proportions of the scores.
    """
    size = scores.shape[1:]
    while mask.ndim > len(size) and len(mask) == 1:
        mask = mask[0]
    if mask.shape == size:
        return mask
    if not _as_wide(mask.shape, size):
        raise TargetError(
            f"expected a mask {tuple(size)}, as large as the model's output, or a larger one of "
            f"the same proportions, as the image has, got {tuple(mask.shape)}"
        )
    return interpolate(mask[None, None].float(), tuple(size), mode="area")[0, 0]


def _as_wide(given: torch.Size, size: torch.Size) -> bool:
    """Whether a mask is larger than the output by the same factor along each axis."""
    if len(given) != len(size) or any(a < b for a, b in zip(given, size, strict=True)):
        return False
    factor = max(a / b for a, b in zip(given, size, strict=True))
    # An output may have been rounded up or down by a pixel.
    return all(abs(a / factor - b) <= 1 for a, b in zip(given, size, strict=True))
