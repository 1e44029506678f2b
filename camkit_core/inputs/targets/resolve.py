"""What is explained: one score for each image, picked from the model's output."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeGuard

import numpy as np
import torch
from torch import Tensor

from ...errors import TargetError
from ...pytree import has_runs, map_tensors, sample_of, tensors_in
from .classification import (
    ClassifierOutputTarget,
    ClassScore,
    class_logits,
    in_range,
    probability,
    score_of_logits,
    signed,
)

Score = Callable[[Any], Tensor]


@dataclass(frozen=True)
class Rank:
    """Each image's class of a rank by score: 0 for the top class, 1 for the next."""

    position: int


Target = int | Rank | Score | Sequence[int | Score] | Tensor | None


@dataclass(frozen=True, eq=False)
class Targets:
    """One score function for each image.

    Attributes:
        functions: N functions from one sample's output to a scalar tensor.
        classes: LongTensor (N,) if all targets are classes, else None.
    """

    functions: tuple[Score, ...]
    classes: Tensor | None

    def scores(self, output: Any) -> Tensor:
        """The score (N,) of each image, by its own function."""
        if self.classes is not None:
            logits = signed(class_logits(output))
            if len(categories := set(self.classes.tolist())) == 1:
                return logits.select(1, categories.pop())  # quicker, and so is its gradient
            return logits.gather(1, self.classes.to(logits.device)[:, None])[:, 0]
        return self._each(range(len(self.functions)), output)

    def scores_of_runs(self, output: Any) -> Tensor:
        """The score (M, N) of each image in each of M runs, of which the output has M first."""
        if self.classes is None:
            return torch.stack([self.scores(one) for one in _runs(output)])
        rows = map_tensors(lambda tensor: tensor.flatten(0, min(1, tensor.ndim - 1)), output)
        logits = signed(class_logits(rows))
        classes = self.classes.to(logits.device).repeat(len(logits) // len(self.functions))
        return logits.gather(1, classes[:, None]).view(-1, len(self.functions))

    def scores_of_rows(self, image: int, output: Any, rows: int) -> Tensor:
        """The score (M,) of each of `rows` rows of output, by the function of one image."""
        if self.classes is not None:
            return signed(class_logits(output))[:, int(self.classes[image])]
        return self._each([image] * rows, output)

    def of_probabilities(self) -> Targets:
        """The same classes, scored by their softmax probability; TargetError if they are none."""
        return self.of_logits(probability, "class probabilities")

    def of_logits(self, score: ClassScore, what: str = "scores of all logits") -> Targets:
        """The same by a function of all logits (K,) and the class; TargetError says `what`."""
        if self.classes is None:
            raise TargetError(f"{what} need class targets, got callables; pass class indices")
        classes = self.classes.tolist()
        return Targets(
            tuple(partial(score_of_logits, score, category) for category in classes), None
        )

    def _each(self, images: Sequence[int], output: Any) -> Tensor:
        samples = [sample_of(output, row, len(images)) for row in range(len(images))]
        return torch.stack([self._one(*pair) for pair in zip(images, samples, strict=True)])

    def _one(self, image: int, sample: Any) -> Tensor:
        score = self.functions[image](sample)
        if not isinstance(score, Tensor) or score.numel() != 1:
            shape = tuple(score.shape) if isinstance(score, Tensor) else type(score).__name__
            raise TargetError(
                f"the target of image {image} gave {shape}; expected a scalar tensor, "
                f"e.g. target=lambda output: output[3]"
            )
        return score.reshape(())


def _runs(output: Any) -> Iterator[Any]:
    """What each of several runs of a batch gave."""
    if has_runs(output):
        return iter(output)
    count = len(next(tensors_in(output)))
    return (map_tensors(operator.itemgetter(run), output) for run in range(count))


def _fixed(function: Score, sample: Any) -> Score:
    """The target as it is for the plain image, of one that settles something there."""
    fix = getattr(function, "fixed", None)
    return fix(sample) if callable(fix) else function


def resolve(target: Target, output: Any, images: int) -> Targets:
    """The score functions that `target` means for `images` images of which `output` came.

    Raises:
        TargetError: on another number of targets than images, a class the model does not have, or
            what is neither class nor callable.
    """
    if target is None or isinstance(target, Rank):
        chosen: list[Any] = _ranked(target or Rank(0), output)
    elif callable(target) or _is_index(target):
        chosen = [target] * images
    elif _is_list(target):
        chosen = list(target)
    else:
        raise TargetError(
            f"expected a target that is None, a class index, a callable, or one of these for "
            f"each image; got {target!r}"
        )
    if len(chosen) != images:
        raise TargetError(
            f"got {len(chosen)} targets for {images} images; pass one for each image, "
            f"or a single class or callable for all of them"
        )
    chosen = [one.category if isinstance(one, ClassifierOutputTarget) else one for one in chosen]
    if all(_is_index(one) for one in chosen):
        logits = class_logits(output)
        classes = [in_range(operator.index(one), logits) for one in chosen]
        return Targets(tuple(map(ClassifierOutputTarget, classes)), torch.tensor(classes))
    functions = [_function(one) for one in chosen]
    samples = [sample_of(output, row, images) for row in range(images)]
    return Targets(tuple(map(_fixed, functions, samples)), None)


def top(count: int) -> list[Rank]:
    """Targets for `compare`: the `count` best classes of each image, best first."""
    return [Rank(position) for position in range(count)]


def _ranked(rank: Rank, output: Any) -> list[int]:
    # Of one logit, the top class says whether it is positive.
    logits = signed(class_logits(output))
    if rank.position >= logits.shape[1]:
        raise TargetError(
            f"asked for the {rank.position + 1} best classes of a model with {logits.shape[1]}"
        )
    order = logits.argsort(stable=True, dim=1, descending=True)
    return [int(category) for category in order[:, rank.position]]


def _is_list(target: Any) -> TypeGuard[Sequence[Any]]:
    if isinstance(target, (Tensor, np.ndarray)):
        return target.ndim > 0
    return isinstance(target, Sequence) and not isinstance(target, str)


def _is_index(target: Any) -> bool:
    floating = isinstance(target, Tensor) and target.is_floating_point()
    if floating or isinstance(target, (bool, float)):
        return False
    try:
        operator.index(target)
    except (TypeError, ValueError):
        return False
    return True


def _function(target: Any) -> Score:
    if callable(target):
        return target  # type: ignore[no-any-return]
    if _is_index(target):
        return ClassifierOutputTarget(operator.index(target))
    raise TargetError(f"expected a class index or a callable as target, got {target!r}")
