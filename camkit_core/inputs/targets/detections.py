"""What a detector finds in one image, in the one form that targets and explanations read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...errors import TargetError
from ...pytree import outline

Kept = Tensor | Callable[[Mapping[str, Any]], Tensor] | None
MOST_LISTED = 5  # detections in a message


@dataclass(frozen=True, eq=False)
class Detections:
    """The candidates for boxes in one image, and which of them the detector keeps.

    A model's output holds them as a dict for each image, or as one dict of tensors with a row for
    each image. An adapter's `output` brings another detector into this form. All but `labels` and
    `kept` have their gradient.

    Attributes:
        boxes: (A, 4), x1, y1, x2, y2 in pixels of the model's input.
        labels: (A,), the class of each; may be left out of the dict beside `class_scores`.
        scores: (A,) in [0, 1], of that class; may be left out likewise.
        class_scores: (A, K), the score of every class before any threshold; None if the detector
            gives the score of one class only.
        kept: (K',), those that remain after thresholds and non-maximum suppression, best first. In
            the dict it may be a function from the dict to them, which is called only when it is
            needed, or filled up with -1, or left out: then all remain, sorted by score.
    """

    boxes: Tensor
    labels: Tensor
    scores: Tensor
    class_scores: Tensor | None
    keep: Callable[[], Tensor]

    @property
    def kept(self) -> Tensor:
        """Which candidates remain, best first: (K',); none whose box or score is not finite."""
        kept = self.keep()
        kept = kept[kept >= 0]
        finite = self.boxes[kept].isfinite().all(1) & self.scores[kept].isfinite()
        return kept[finite]

    def of_class(self, category: int | None) -> tuple[Tensor, Tensor]:
        """The boxes (A', 4) and scores (A',) of the candidates for a class; for any if None.

        Raises:
            TargetError: if the detector scores classes, and has no such class.
        """
        if category is None:
            return self.boxes, self.scores
        if self.class_scores is None:
            of_class = self.labels == category
            return self.boxes[of_class], self.scores[of_class]
        count = self.class_scores.shape[1]
        if not 0 <= category < count:
            raise TargetError(
                f"target {category} is out of range: the detector has {count} classes, 0 to "
                f"{count - 1}; it finds {self.listed()}"
            )
        return self.boxes, self.class_scores[:, category]

    def kept_of(self, category: int | None) -> Tensor:
        """Those of the kept candidates (K'',) that have a class; any if None."""
        kept = self.kept
        return kept if category is None else kept[self.labels[kept] == category]

    def listed(self) -> str:
        """The best of what the detector finds, in words."""
        best = [self.described(int(index)) for index in self.kept[:MOST_LISTED]]
        broken = len(self.boxes) and not bool(self.boxes.isfinite().all(1).any())
        nothing = "nothing at all" + (", as no box is finite (inf or nan)" if broken else "")
        return ", ".join(best) or nothing

    def described(self, index: int) -> str:
        """One candidate in words."""
        return (
            f"class {int(self.labels[index])} at {rounded(self.boxes[index].tolist())} "
            f"({float(self.scores[index].detach()):.2f})"
        )


def rounded(box: Any) -> list[int]:
    """A box in whole pixels."""
    return [round(side) for side in box]


def are_detections(sample: Any) -> bool:
    """Whether one sample's output, or that of all samples, is in the form of `Detections`."""
    if not isinstance(sample, Mapping) or "boxes" not in sample:
        return False
    return "class_scores" in sample or {"labels", "scores"} <= set(sample)


def detections_in(sample: Any) -> Detections:
    """What a detector finds in one image.

    Args:
        sample: the image's part of the model's output, as the adapter reads it.

    Raises:
        TargetError: if it is in another form.
    """
    if not are_detections(sample):
        raise TargetError(
            f"expected boxes, labels and scores from the detector, got {outline(sample)}"
        )
    every = sample.get("class_scores")
    labels, scores = sample.get("labels"), sample.get("scores")
    if labels is None or scores is None:
        scores, labels = _best(every)
    form = {**sample, "labels": labels, "scores": scores}
    return Detections(sample["boxes"], labels, scores, every, lambda: _kept(form))


def _best(class_scores: Tensor) -> tuple[Tensor, Tensor]:
    """The score and class (A,) of each candidate."""
    best = class_scores.max(1)
    return best.values, best.indices


def _kept(form: Mapping[str, Any]) -> Tensor:
    given: Kept = form.get("kept")
    with torch.no_grad():
        kept = given(form) if callable(given) else given
        scores: Tensor = form["scores"]
        return scores.argsort(descending=True, stable=True) if kept is None else kept
