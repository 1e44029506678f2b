"""The score of each sample that a map explains: of a class, or of the user's own target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from camkit_core import ArgumentError, ArgumentTypeError, CamkitError

OutputTarget = Callable[[Any], Tensor]


class NotForwarded(CamkitError, AssertionError):
    """Maps were asked for before the model was run."""


def resolve_targets(targets: Any, count: int) -> list[OutputTarget]:
    """One target for each of `count` samples."""
    if callable(targets):
        return [targets] * count
    if not isinstance(targets, list) or not all(callable(target) for target in targets):
        raise ArgumentTypeError("targets must be a callable or a list of callables")
    if len(targets) != count:
        raise ArgumentError(
            f"got {len(targets)} targets for {count} samples; per-sample targets must match the "
            f"batch size"
        )
    return targets


def target_scores(output: Any, targets: Any) -> Tensor:
    """The value (N,) of each sample's target, from a tensor with a batch or a list of samples."""
    samples = _samples(output)
    own = resolve_targets(targets, len(samples))
    values = [target(sample) for target, sample in zip(own, samples, strict=True)]
    if not all(isinstance(value, Tensor) for value in values):
        raise ArgumentTypeError("each target must return a tensor")
    if any(value.numel() != 1 for value in values):
        raise ArgumentError("each target must return a scalar tensor")
    return torch.stack([value.reshape(()) for value in values])


def _samples(output: Any) -> Sequence[Any]:
    if isinstance(output, Tensor):
        if output.ndim == 0:
            raise ArgumentError("model output must have a batch dimension")
        return output.unbind(0)
    if isinstance(output, list):
        return output
    raise ArgumentTypeError("model output must be a tensor or a per-sample list")


def class_scores(scores: Tensor, class_idx: int | list[int]) -> Tensor:
    """The score (N,) of one class for all samples, or of one for each."""
    if isinstance(class_idx, int):
        return scores[:, class_idx]
    indices = torch.tensor(class_idx, device=scores.device)
    return scores.gather(1, indices.view(-1, 1)).squeeze(1)


def check_one_question(class_idx: Any, targets: Any) -> None:
    """Raise unless there are either classes or targets."""
    if (class_idx is None) == (targets is None):
        raise ArgumentError("provide exactly one of class_idx or targets")


def check_request(class_idx: Any, targets: Any, maps: Sequence[Any]) -> None:
    """Raise unless the question fits activations that are there."""
    for activation in maps:
        if not isinstance(activation, Tensor):
            raise NotForwarded("Inputs need to be forwarded in the model before maps can be had")
        if isinstance(class_idx, list) and len(class_idx) != len(activation):
            raise ArgumentError(
                f"got {len(class_idx)} classes for {len(activation)} samples: the batch size and "
                f"the length of `class_idx` must be the same"
            )
    if targets is None:
        _check_class(class_idx)
    elif maps:
        resolve_targets(targets, len(maps[0]))


def _check_class(class_idx: Any) -> None:
    classes = class_idx if isinstance(class_idx, list) else [class_idx]
    single = isinstance(class_idx, int | list)
    if not single or any(category < 0 for category in classes):
        raise ArgumentError(
            f"Incorrect `class_idx` argument value {class_idx!r}: pass a class from 0 on, or a "
            f"list of one for each sample"
        )
