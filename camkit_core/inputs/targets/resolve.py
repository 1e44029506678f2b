"""What is explained: one score for each image, picked from the model's output."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeGuard

import numpy as np
import torch
from torch import Tensor

from .errors import TargetError
from .trees import has_runs, has_samples, map_tensors, outline, sample_of, tensors_in

Score = Callable[[Any], Tensor]
ClassScore = Callable[[Tensor, int], Tensor]


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
            logits = _signed(class_logits(output))
            if len(categories := set(self.classes.tolist())) == 1:
                return logits.select(1, categories.pop())  # quicker, and so is its gradient
            return logits.gather(1, self.classes.to(logits.device)[:, None])[:, 0]
        return self._each(range(len(self.functions)), output)

    def scores_of_runs(self, output: Any) -> Tensor:
        """The score (M, N) of each image in each of M runs, of which the output has M first."""
        if self.classes is None:
            return torch.stack([self.scores(one) for one in _runs(output)])
        rows = map_tensors(lambda tensor: tensor.flatten(0, min(1, tensor.ndim - 1)), output)
        logits = _signed(class_logits(rows))
        classes = self.classes.to(logits.device).repeat(len(logits) // len(self.functions))
        return logits.gather(1, classes[:, None]).view(-1, len(self.functions))

    def scores_of_rows(self, image: int, output: Any, rows: int) -> Tensor:
        """The score (M,) of each of `rows` rows of output, by the function of one image."""
        if self.classes is not None:
            return _signed(class_logits(output))[:, int(self.classes[image])]
        return self._each([image] * rows, output)

    def of_probabilities(self) -> Targets:
        """The same classes, scored by their softmax probability; TargetError if they are none."""
        return self.of_logits(_probability, "class probabilities")

    def of_logits(self, score: ClassScore, what: str = "scores of all logits") -> Targets:
        """The same by a function of all logits (K,) and the class; TargetError says `what`."""
        if self.classes is None:
            raise TargetError(f"{what} need class targets, got callables; pass class indices")
        classes = self.classes.tolist()
        return Targets(tuple(partial(_of_logits, score, category) for category in classes), None)

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
        return _signed(logits)[0, _checked(self.category, logits)]


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


def _probability(logits: Tensor, category: int) -> Tensor:
    return logits.softmax(0)[category]


def _of_logits(score: ClassScore, category: int, sample: Any) -> Tensor:
    logits = class_logits(map_tensors(lambda tensor: tensor[None], sample))
    # One logit is two classes as far apart: their softmax is its sigmoid.
    return score((_signed(logits / 2) if logits.shape[1] == 1 else logits)[0], category)


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
        classes = [_checked(operator.index(one), logits) for one in chosen]
        return Targets(tuple(map(ClassifierOutputTarget, classes)), torch.tensor(classes))
    functions = [_function(one) for one in chosen]
    samples = [sample_of(output, row, images) for row in range(images)]
    return Targets(tuple(map(_fixed, functions, samples)), None)


def top(count: int) -> list[Rank]:
    """Targets for `compare`: the `count` best classes of each image, best first."""
    return [Rank(position) for position in range(count)]


def _ranked(rank: Rank, output: Any) -> list[int]:
    # Of one logit, the top class says whether it is positive.
    logits = _signed(class_logits(output))
    if rank.position >= logits.shape[1]:
        raise TargetError(
            f"asked for the {rank.position + 1} best classes of a model with {logits.shape[1]}"
        )
    order = logits.argsort(stable=True, dim=1, descending=True)
    return [int(category) for category in order[:, rank.position]]


def found_logits(output: Any) -> Tensor | None:
    """The (N, K) class scores in a model's output, or None if it has none."""
    try:
        return class_logits(output).detach()
    except TargetError:
        return None


def class_logits(output: Any) -> Tensor:
    """The (N, K) class scores in a model's output: itself, what it calls `logits` or only has.

    Raises:
        TargetError: if there is no such tensor, saying what there is.
    """
    found = output
    if isinstance(output, Mapping):
        only = next(iter(output.values())) if len(output) == 1 else output
        found = output.get("logits", output.get("out", only))
    elif not isinstance(output, Tensor):
        found = getattr(output, "logits", output)
    if isinstance(found, (tuple, list)) and len(found) == 1:
        found = found[0]
    if isinstance(found, Tensor) and found.ndim == 2:
        return found
    raise TargetError(
        f"expected class scores (N, K) from the model, got {outline(output)}; say what to "
        f"explain with {_advice(output, found)}"
    )


def _advice(output: Any, found: Any) -> str:
    if has_samples(output) and "boxes" in output[0]:
        return "target=DetectionTarget(category)"
    if isinstance(found, Tensor) and found.ndim == 4:
        return "target=SegmentationTarget(category)"
    return "a callable, e.g. target=lambda output: output[3].mean()"


def _signed(logits: Tensor) -> Tensor:
    # A model with one logit has two classes: 1 is for the logit, 0 against it.
    return torch.cat([-logits, logits], 1) if logits.shape[1] == 1 else logits


def _checked(category: int, logits: Tensor) -> int:
    classes = max(logits.shape[1], 2)
    if not 0 <= category < classes:
        raise TargetError(
            f"target {category} is out of range: the model has {classes} classes, "
            f"0 to {classes - 1}"
        )
    return category


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
