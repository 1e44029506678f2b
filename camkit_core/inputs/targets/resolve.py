"""What the user asks to have explained, turned into a score function for each image."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeGuard, cast

import numpy as np
import torch
from annotated_types import Interval
from torch import Tensor

from ...arguments import checked
from ...errors import TARGET_ERRORS, TargetError, TargetTypeError, shown
from ...pytree import rowwise, sample_of
from .classification import (
    ClassifierOutputTarget,
    class_logits,
    in_range,
    is_probability,
    two_sided,
)
from .protocol import Score, settled
from .rows import check_class_rows, check_sample_rows
from .scores import Targets


@dataclass(frozen=True)
class Rank:
    """Each image's class of a rank by score: 0 for the top class, 1 for the next."""

    position: int


Target = int | str | Rank | Score | Sequence[int | str | Score] | Tensor | None


def resolve(target: Target, output: Any, images: int) -> Targets:
    """The score functions that `target` means.

    Args:
        target: see `explain`.
        output: the model's output for the plain images.
        images: how many images there are.

    Raises:
        TargetError: if there are more or fewer targets than images, or rows of the output that the
            targets read; if the model lacks a class; or if a target is neither class nor callable.
    """
    check_target(target)
    chosen = _for_each(target, output, images)
    if all(map(_is_index, chosen)):
        logits = _checked_logits(output, images)
        single = is_probability(logits)
        classes = [in_range(operator.index(category), logits) for category in chosen]
        scored = {each: ClassifierOutputTarget(each, single) for each in set(classes)}
        of_classes = tuple(scored[category] for category in classes)
        return Targets(of_classes, _as_tensor(classes), single)
    functions = tuple(_function(each, output) for each in chosen)
    check_sample_rows(output, images)
    samples = [sample_of(output, row, images) for row in range(images)]
    by_row = rowwise(output, images)
    return Targets(tuple(map(settled, functions, samples)), None, by_row=by_row)


def _as_tensor(classes: list[int]) -> Tensor:
    if len(set(classes)) == 1:  # quicker
        return torch.full((len(classes),), classes[0], device="cpu")
    return torch.tensor(classes, device="cpu")


def _checked_logits(output: Any, images: int) -> Tensor:
    """The class scores (N, K), with a row for each image."""
    logits = class_logits(output, images)
    check_class_rows(logits, output, images)
    return logits


def check_target(target: Any) -> None:
    """Refuse what can be no target of any model.

    Raises:
        TargetTypeError: for anything but None, a rank, a class, a callable, or a list of the last
            two.
    """
    if target is None or isinstance(target, Rank) or callable(target) or _is_index(target):
        return
    if not _is_list(target):
        raise TargetTypeError(
            f"expected a target that is None, a class index, a callable, or one of these for "
            f"each image; got {shown(target)}{_of_words(target)}"
        )
    for each in _first(target) if isinstance(target, Tensor) else target:
        if not callable(each) and not _is_index(each):
            raise TargetTypeError(
                f"expected a class index or a callable as target, got "
                f"{shown(each)}{_of_words(each)}"
            )


def _of_words(target: Any) -> str:
    """What to do where a class is named, which a model alone has no names for."""
    if not isinstance(target, str):
        return ""
    if target.strip().isdecimal():
        return f"; the class with that number is target={int(target)}"
    return (
        "; a class is named to a model with names: camkit_core.load_model(...), or pictures in "
        "place of tensors"
    )


def _first(targets: Tensor) -> Tensor | list[Tensor]:
    """The first of a tensor's values; the tensor itself where it has none that can be read."""
    readable = targets.layout is torch.strided and not targets.is_meta
    return targets[:1] if readable else [targets]


def _for_each(target: Target, output: Any, images: int) -> list[Any]:
    """A class or a callable for each image."""
    if target is None or isinstance(target, Rank):
        chosen: list[Any] = _ranked(target or Rank(0), output, images)
    elif callable(target) or _is_index(target):
        chosen = [target] * images
    else:
        chosen = list(cast("Sequence[Any]", target))
    if len(chosen) != images:
        raise TargetError(
            f"got {len(chosen)} targets for {images} images; pass one for each image, "
            f"or a single class or callable for all of them"
        )
    return [t.category if isinstance(t, ClassifierOutputTarget) else t for t in chosen]


def top(count: int) -> list[Rank]:
    """Targets for `compare`: the `count` best classes of each image, best first.

    Raises:
        TargetError: for a count below 1 or above 100,000.
        TargetTypeError: for anything but an integer.
    """
    most = Annotated[int, Interval(ge=1, le=100_000)]
    count = checked("top", "count", count, most, TARGET_ERRORS)
    return [Rank(position) for position in range(count)]


def _ranked(rank: Rank, output: Any, images: int) -> list[int]:
    # With a single score, the top class is 1 where the logit is positive, or the probability is
    # more than a half.
    logits = _checked_logits(output, images)
    logits = two_sided(logits, is_probability(logits))
    if rank.position >= logits.shape[1]:
        raise TargetError(
            f"asked for the {rank.position + 1} best classes of a model with {logits.shape[1]}"
        )
    if rank.position == 0:
        return logits.argmax(1).tolist()  # quicker
    order = logits.argsort(stable=True, dim=1, descending=True)
    return order[:, rank.position].tolist()


def _is_list(target: Any) -> TypeGuard[Sequence[Any]]:
    if isinstance(target, (Tensor, np.ndarray)):
        return target.ndim > 0
    return isinstance(target, Sequence) and not isinstance(target, str)


def _is_index(target: Any) -> bool:
    if type(target) is int:
        return True
    floating = isinstance(target, Tensor) and target.is_floating_point()
    if (
        floating
        or isinstance(target, (bool, float))
        or getattr(target, "dtype", None) == torch.bool
    ):
        return False
    try:
        operator.index(target)
    except (TypeError, ValueError, RuntimeError):
        return False
    return True


def _function(target: Any, output: Any) -> Score:
    if callable(target):
        return target  # type: ignore[no-any-return]
    single = is_probability(class_logits(output))
    return ClassifierOutputTarget(operator.index(target), single)
