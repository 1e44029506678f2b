"""Class scores: found in a model's output, and one of them as a target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ...arguments import checked
from ...errors import TARGET_ERRORS, TargetError, shown
from ...pytree import outline
from .advice import advice, number_in
from .found import scores_in
from .probabilities import from_sigmoid

ClassScore = Callable[[Tensor, int], Tensor]


class ClassifierOutputTarget:
    """The score of one class, as a callable target; what `target=category` means.

    Args:
        category: the class.
        probability: whether a model with a single score gives the probability of class 1, so that
            that of class 0 is the rest; else the score is a logit, and its negative is class 0's.

    Raises:
        TargetTypeError: for a category that is no integer.
        TargetError: when called on an output that has no such class.
    """

    def __init__(self, category: int, probability: bool = False) -> None:
        self.category: int = checked(
            "ClassifierOutputTarget", "category", category, int, TARGET_ERRORS
        )
        self.probability = probability

    def __repr__(self) -> str:
        return f"ClassifierOutputTarget({self.category})"

    def __call__(self, sample: Any) -> Tensor:
        scores = two_sided(_scores_of_sample(sample), self.probability)
        return scores[0, in_range(self.category, scores)]


def probability(logits: Tensor, category: int) -> Tensor:
    """The softmax probability of a class, from logits (K,)."""
    return logits.softmax(0)[category]


def score_of_logits(
    score: ClassScore, category: int, sample: Any, probability: bool = False
) -> Tensor:
    """The value of `score` for one sample's logits (K,) and a class.

    A single score stands for two classes, whose softmax is its sigmoid, or where it is a
    `probability` itself and the rest.
    """
    scores = _scores_of_sample(sample)
    if scores.shape[1] > 1:
        return score(scores[0], category)
    if probability:
        tiny = torch.finfo(scores.dtype).tiny
        return score(two_sided(scores, probability).clamp(min=tiny).log()[0], category)
    return score(two_sided(scores / 2)[0], category)


def found_logits(output: Any, images: int | None = None) -> Tensor | None:
    """The (N, K) class scores in a model's output; None if it has none, or of other rows.

    They are part of the output's graph, if it has one.
    """
    try:
        logits = class_logits(output)
    except TargetError:
        return None
    return logits if images in (None, logits.shape[0]) else None


def class_logits(output: Any, images: int | None = None) -> Tensor:
    """The (N, K) class scores in a model's output: itself, its `logits` or `out`, or its only part.

    Scores (N,), one for each image, become (N, 1).

    Args:
        output: what the model returned.
        images: how many images there are, for the error's advice.

    Raises:
        TargetError: if there is no such tensor, saying what there is.
    """
    if isinstance(output, Tensor) and output.ndim == 2:
        return output
    found = scores_in(output)
    if found is None or found[1].ndim > 2:
        raise TargetError(
            f"expected class scores (N, K) from the model, got {outline(output)}; say what to "
            f"explain with {advice(output, images)}"
        )
    scores = found[1]
    return scores if scores.ndim == 2 else scores.reshape(-1, 1)


def _scores_of_sample(sample: Any) -> Tensor:
    """The class scores (1, K) in one sample's part of an output."""
    found = scores_in(sample)
    if found is None or found[1].ndim > 1:
        raise TargetError(
            f"expected class scores (K,) for each image from the model, got {outline(sample)}; say "
            f"what to explain with a callable, e.g. target=lambda output: {number_in(sample)}"
        )
    return found[1].reshape(1, -1)


def two_sided(scores: Tensor, probability: bool = False) -> Tensor:
    """Scores (N, K); a single one becomes (N, 2): class 0 is against it, class 1 for it."""
    if scores.shape[1] > 1:
        return scores
    return torch.cat([1 - scores if probability else -scores, scores], 1)


def is_probability(scores: Tensor) -> bool:
    """Whether the scores (N, K) are a single probability for each image, such as a sigmoid."""
    return scores.shape[1] == 1 and from_sigmoid(scores)


def in_range(category: int, logits: Tensor) -> int:
    """The same class; TargetError if logits (N, K) have no such class."""
    classes = max(logits.shape[1], 2)
    if not 0 <= category < classes:
        raise TargetError(
            f"target {shown(category)} is out of range: the model has {classes} classes, "
            f"0 to {classes - 1}"
        )
    return category
