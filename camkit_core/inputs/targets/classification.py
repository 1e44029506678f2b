"""Class scores: found in a model's output, and one of them as a target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from ...errors import TargetError
from ...pytree import has_samples, map_tensors, outline

ClassScore = Callable[[Tensor, int], Tensor]


class ClassifierOutputTarget:
    """The score of one class, as a callable target; what `target=category` means.

    Raises:
        TargetError: when called on an output that has no such class.
    """

    def __init__(self, category: int) -> None:
        self.category = category

    def __repr__(self) -> str:
        return f"ClassifierOutputTarget({self.category})"

    def __call__(self, sample: Any) -> Tensor:
        logits = class_logits(map_tensors(lambda tensor: tensor[None], sample))
        return signed(logits)[0, in_range(self.category, logits)]


def probability(logits: Tensor, category: int) -> Tensor:
    """The softmax probability of a class, from logits (K,)."""
    return logits.softmax(0)[category]


def score_of_logits(score: ClassScore, category: int, sample: Any) -> Tensor:
    """The value of `score` for one sample's logits (K,) and a class."""
    logits = class_logits(map_tensors(lambda tensor: tensor[None], sample))
    # One logit stands for two classes, half a logit for and half against: their softmax is the
    # logit's sigmoid.
    return score((signed(logits / 2) if logits.shape[1] == 1 else logits)[0], category)


def found_logits(output: Any) -> Tensor | None:
    """The (N, K) class scores in a model's output, or None if it has none."""
    try:
        return class_logits(output).detach()
    except TargetError:
        return None


def class_logits(output: Any) -> Tensor:
    """The (N, K) class scores in a model's output: itself, its `logits` or `out`, or its only part.

    Raises:
        TargetError: if there is no such tensor, saying what there is.
    """
    scores = output
    if isinstance(output, Mapping):
        only = next(iter(output.values())) if len(output) == 1 else output
        scores = output.get("logits", output.get("out", only))
    elif not isinstance(output, Tensor):
        scores = getattr(output, "logits", output)
    if isinstance(scores, (tuple, list)) and len(scores) == 1:
        scores = scores[0]
    if isinstance(scores, Tensor) and scores.ndim == 2:
        return scores
    raise TargetError(
        f"expected class scores (N, K) from the model, got {outline(output)}; say what to "
        f"explain with {_advice(output, scores)}"
    )


def _advice(output: Any, scores: Any) -> str:
    if has_samples(output) and "boxes" in output[0]:
        return "target=DetectionTarget(category)"
    if isinstance(scores, Tensor) and scores.ndim == 4:
        return "target=SegmentationTarget(category)"
    return "a callable, e.g. target=lambda output: output[3].mean()"


def signed(logits: Tensor) -> Tensor:
    """Logits (N, K); a single logit becomes (N, 2): class 0 is against it, class 1 for it."""
    return torch.cat([-logits, logits], 1) if logits.shape[1] == 1 else logits


def in_range(category: int, logits: Tensor) -> int:
    """The same class; TargetError if logits (N, K) have no such class."""
    classes = max(logits.shape[1], 2)
    if not 0 <= category < classes:
        raise TargetError(
            f"target {category} is out of range: the model has {classes} classes, "
            f"0 to {classes - 1}"
        )
    return category
