"""Which tensor of an output holds the scores: the one named so, or the only one it can be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ...pytree import has_samples, located
from .probabilities import from_sigmoid

Found = tuple[str, Tensor]  # the expression that gets a tensor of `output`, and the tensor
NAMES = ("logits", "out")


def scores_in(output: Any) -> Found | None:
    """The tensor of class scores in a model's output, or in one sample's part of it.

    It is the output itself, its `logits` or `out`, or the only tensor in it. Beside it there may be
    integers, single numbers such as a loss, and its own softmax or sigmoid.

    Returns:
        The tensor, of any shape, and the expression that gets it; None if it could be several.
    """
    if has_samples(output):
        return None
    return _only(list(located(*_named(output))))


def where_scores_are(output: Any) -> str:
    """The expression that gets the class scores of an output, or of one sample's part of it."""
    found = None if isinstance(output, Tensor) else scores_in(output)
    return found[0] if found else "output"


def maps_in(sample: Any) -> Found | None:
    """The tensor of scores at each place in one sample's output; the same rule, of tensors alone
    that have at least two axes."""
    dense = [(where, tensor) for where, tensor in located(*_named(sample)) if tensor.ndim > 1]
    return _only([pair for pair in dense if pair[1].ndim > 2] or dense)


def _named(output: Any) -> tuple[Any, str]:
    """The part of the output that is named so, or all of it, and its expression."""
    for name in NAMES:
        if isinstance(output, Mapping):
            if output.get(name) is not None:
                return output[name], f"output[{name!r}]"
        elif name == "logits" and getattr(output, name, None) is not None:
            return getattr(output, name), f"output.{name}"
    return output, "output"


def _only(tensors: list[Found]) -> Found | None:
    floating = [pair for pair in tensors if pair[1].is_floating_point()]
    candidates = [pair for pair in floating if pair[1].ndim] or floating
    if len(candidates) == 2:
        first, second = candidates
        if _is_probability_of(second[1], first[1]):
            return first
        if _is_probability_of(first[1], second[1]):
            return second
    return candidates[0] if len(candidates) == 1 else None


def _is_probability_of(values: Tensor, logits: Tensor) -> bool:
    """Whether `values` are the softmax or the sigmoid of `logits`, or the same tensor."""
    if values is logits:
        return True
    if values.shape != logits.shape:
        return False
    values, logits = values.detach().float(), logits.detach().float()
    # Outputs in half precision are as coarse as this.
    softmax = logits.softmax(1 if logits.ndim > 1 else 0) if logits.ndim else logits
    return any(
        torch.allclose(values, each, rtol=0.02, atol=1e-4, equal_nan=True)
        for each in (softmax, logits.sigmoid())
    )


def places_of(scores: Tensor, category: int) -> Tensor:
    """Where the model finds a class, of scores (K, ...): boolean (...)."""
    if len(scores) == 1:
        return scores[0] > (0.5 if from_sigmoid(scores) else 0)
    return scores.argmax(0) == category


def classes_in(scores: Tensor) -> list[int]:
    """The classes that the model finds anywhere, of scores (K, ...); the most frequent first.

    On the meta device, where scores have no values, none is found.
    """
    if scores.is_meta:
        return []
    if len(scores) == 1:
        return [0] if bool(places_of(scores, 0).any()) else []
    counts = scores.detach().argmax(0).flatten().bincount()
    order = counts.argsort(descending=True, stable=True).tolist()
    return [category for category in order if counts[category]]
