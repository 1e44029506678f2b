"""Finer-CAM's score: a class less its references."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from camkit_core import ArgumentError, ArgumentTypeError


def contrasted(
    class_idx: Any, scores: Any, comparison_idx: Any, gamma: float, count: int
) -> Tensor:
    """The score of each sample's class less gamma times its references' mean: (N, 1).

    Args:
        class_idx: a class for all samples, or a list of one for each.
        scores: logits (N, K).
        comparison_idx: the references; None for the `count` classes with the nearest scores.
        gamma: the references' factor.
        count: how many; all others if there are fewer.
    """
    _check_scores(scores)
    classes = _classes(class_idx, *scores.shape)
    own = torch.tensor(classes, device=scores.device).view(-1, 1)
    if comparison_idx is None:
        references = _nearest(scores.detach(), own, count)
    else:
        rows = _rows(comparison_idx, len(scores))
        for sample, (category, row) in enumerate(zip(classes, rows, strict=True)):
            _check_row(row, category, sample, scores.shape[1])
        references = torch.tensor(rows, device=scores.device)
    contrast: Tensor = scores.gather(1, own) - gamma * scores.gather(1, references).mean(
        1, keepdim=True
    )
    return contrast


def _check_scores(scores: Any) -> None:
    if scores is None:
        raise ArgumentError(
            "the model's output as scores is required: extractor(class_idx, scores)"
        )
    if not isinstance(scores, Tensor):
        raise ArgumentTypeError(f"scores must be a tensor, got a {type(scores).__name__}")
    if scores.ndim != 2 or not len(scores):
        raise ArgumentError(
            f"got scores of shape {tuple(scores.shape)}; expected (samples, classes)"
        )
    if scores.shape[1] < 2:
        raise ArgumentError("FinerCAM needs at least one comparison class beside the target")


def _is_class(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _classes(class_idx: Any, samples: int, count: int) -> list[int]:
    classes = [class_idx] * samples if _is_class(class_idx) else class_idx
    if not isinstance(classes, list):
        raise ArgumentTypeError(f"class_idx must be an integer or a list of them, got {classes!r}")
    if len(classes) != samples:
        raise ArgumentError(f"got {len(classes)} classes for a batch size of {samples}")
    if not all(map(_is_class, classes)):
        raise ArgumentTypeError("class_idx must contain integers")
    if not all(0 <= each < count for each in classes):
        raise ArgumentError(f"class_idx contains an out-of-range index; there are {count} classes")
    return classes


def _nearest(scores: Tensor, own: Tensor, count: int) -> Tensor:
    distances = (scores - scores.gather(1, own)).abs().scatter_(1, own, float("inf"))
    return distances.topk(min(count, scores.shape[1] - 1), dim=1, largest=False).indices


def _rows(references: Any, samples: int) -> list[list[int]]:
    """A list of references for each sample."""
    if _is_class(references):
        return [[references]] * samples
    if not isinstance(references, list):
        raise ArgumentTypeError("comparison_idx must be an integer, a list, or a nested list")
    if not references:
        raise ArgumentError("comparison_idx cannot be empty")
    if all(map(_is_class, references)):
        return [references] * samples
    if not all(isinstance(row, list) for row in references):
        raise ArgumentTypeError("comparison_idx must contain integers or lists of integers")
    if len(references) != samples:
        raise ArgumentError(
            f"got {len(references)} rows of references for a batch size of {samples}"
        )
    if not all(references):
        raise ArgumentError("comparison_idx rows cannot be empty")
    if len(set(map(len, references))) != 1:
        raise ArgumentError("comparison_idx rows must have equal lengths")
    return references


def _check_row(row: list[Any], category: int, sample: int, count: int) -> None:
    if not all(map(_is_class, row)):
        raise ArgumentTypeError("comparison_idx must contain integers")
    faults = {
        "an out-of-range index": not all(0 <= each < count for each in row),
        "duplicates": len(set(row)) != len(row),
        "the target class": category in row,
    }
    for fault, present in faults.items():
        if present:
            raise ArgumentError(f"comparison_idx contains {fault} for sample {sample}")
