"""The score functions of a batch of images, and the scores that they read of an output."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ...errors import TargetError
from ...pytree import has_runs, has_samples, located, map_tensors, sample_of, tensors_in
from .advice import number_in
from .classification import ClassScore, class_logits, probability, score_of_logits, two_sided
from .protocol import Score
from .similar_detection import similar_detection


@dataclass(frozen=True, eq=False)
class Targets:
    """One score function for each image.

    Attributes:
        functions: N functions from one sample's output to a scalar tensor.
        classes: LongTensor (N,) if all targets are classes, else None.
        probability: whether the model's single score for each image is the probability of class 1.
        by_row: where the output's tensors with a row for each image are; None where nobody looked.
    """

    functions: tuple[Score, ...]
    classes: Tensor | None
    probability: bool = False
    by_row: frozenset[str] | None = None

    @property
    def notes(self) -> list[str]:
        """What the targets say of themselves, for the reader."""
        if self.classes is not None:
            return []
        notes = [(i, getattr(each, "note", "")) for i, each in enumerate(self.functions)]
        return [f"image {i}: {note}" for i, note in notes if note and isinstance(note, str)]

    @property
    def categories(self) -> list[int] | None:
        """The class of each image, which other libraries' targets name `category`; None if none."""
        if self.classes is not None:
            return [int(category) for category in self.classes.tolist()]
        others = [each for each in self.functions if not _is_camkits(each)]
        named = [getattr(each, "category", None) for each in others]
        all_named = len(named) == len(self.functions) and all(type(each) is int for each in named)
        return [int(each) for each in named if each is not None] if all_named else None

    def of_image(self, image: int, rows: int) -> Targets:
        """The target of one image, for a number of versions of it."""
        classes = None if self.classes is None else self.classes[image].repeat(rows)
        return replace(self, functions=(self.functions[image],) * rows, classes=classes)

    def scores(self, output: Any) -> Tensor:
        """The score (N,) of each image, by its own function."""
        if self.classes is not None:
            logits = self._class_scores(output)
            if len(categories := set(self.classes.tolist())) == 1:
                return logits.select(1, categories.pop())  # quicker, and so is its gradient
            return logits.gather(1, self.classes.to(logits.device)[:, None])[:, 0]
        return self._each(range(len(self.functions)), output)

    def scores_of_runs(self, output: Any) -> Tensor:
        """The score (M, N) of each image in each of M runs; the output's first axis is the runs."""
        if self.classes is None:
            return torch.stack([self.scores(run) for run in _runs(output)])
        rows = map_tensors(lambda tensor: tensor.flatten(0, min(1, tensor.ndim - 1)), output)
        logits = self._class_scores(rows)
        classes = self.classes.to(logits.device).repeat(len(logits) // len(self.functions))
        return logits.gather(1, classes[:, None]).view(-1, len(self.functions))

    def scores_of_rows(self, image: int, output: Any, rows: int) -> Tensor:
        """The score (M,) of each of `rows` rows of output, by the function of one image."""
        if self.classes is not None:
            return self._class_scores(output)[:, int(self.classes[image])]
        return self._of_samples([image] * rows, self._samples(output, rows))

    def of_probabilities(self) -> Targets:
        """The same classes, scored by their softmax probability.

        Targets whose scores are in [0, 1] already, as those of boxes, stay as they are.

        Raises:
            TargetError: for other targets.
        """
        if all(getattr(function, "is_probability", False) for function in self.functions):
            return self
        return self.of_logits(probability, "class probabilities")

    def of_logits(self, score: ClassScore, what: str = "scores of all logits") -> Targets:
        """The same classes, or tokens, scored by a function of all logits (K,) and the class.

        Raises:
            TargetError: for other targets; `what` names the scores in its message.
        """
        own = [getattr(function, "of_logits", None) for function in self.functions]
        if own and all(map(callable, own)):
            return replace(self, functions=tuple(each(score) for each in own if each))
        if self.categories is None:
            raise TargetError(f"{what} need class targets, got callables; pass class indices")
        of_each = [partial(self._score_of_logits, score, each) for each in self.categories]
        return Targets(tuple(of_each), None)

    def of_similar_detections(self, output: Any) -> Targets:
        """The same targets, those of detections by `SimilarDetection` where classes are scored.

        Args:
            output: the model's output for the plain images.
        """
        count = len(self.functions)
        samples = [sample_of(output, row, count) for row in range(count)]
        functions = map(similar_detection, self.functions, samples)
        return replace(self, functions=tuple(functions))

    def _score_of_logits(self, score: ClassScore, category: int, sample: Any) -> Tensor:
        return score_of_logits(score, category, sample, self.probability)

    def _class_scores(self, output: Any) -> Tensor:
        return two_sided(class_logits(output), self.probability)

    def _each(self, images: Sequence[int], output: Any) -> Tensor:
        samples = [sample_of(output, row, len(images)) for row in range(len(images))]
        return self._of_samples(images, samples)

    def _samples(self, output: Any, rows: int) -> list[Any]:
        """Each row's part of an output; a tensor without the images' rows may have as many."""
        if self.by_row is None or has_samples(output):
            return [sample_of(output, row, rows) for row in range(rows)]

        def part(row: int) -> Any:
            by_row = (where in (self.by_row or ()) for where, _ in located(output))
            return map_tensors(
                lambda tensor: tensor[row % len(tensor)] if next(by_row) else tensor, output
            )

        return [part(row) for row in range(rows)]

    def _of_samples(self, images: Sequence[int], samples: Sequence[Any]) -> Tensor:
        return torch.stack([self._one(*pair) for pair in zip(images, samples, strict=True)])

    def _one(self, image: int, sample: Any) -> Tensor:
        function = self.functions[image]
        if not _is_camkits(function):
            sample = map_tensors(torch.clone, sample)  # other targets read the output as it is
        score = function(sample)
        if not isinstance(score, Tensor) or score.numel() != 1:
            shape = tuple(score.shape) if isinstance(score, Tensor) else type(score).__name__
            raise TargetError(
                f"the target of image {image} gave {shape}; expected a scalar tensor, "
                f"e.g. target=lambda output: {number_in(sample)}"
            )
        return score.reshape(())


def _is_camkits(function: Score) -> bool:
    return type(function).__module__.startswith("camkit_core.")


def _runs(output: Any) -> Iterator[Any]:
    """The output of each of several runs of a batch."""
    if has_runs(output):
        return iter(output)
    count = len(next(tensors_in(output)))
    return (map_tensors(operator.itemgetter(run), output) for run in range(count))
