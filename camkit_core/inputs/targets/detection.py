"""Targets of detectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Annotated, Any

import torch
from annotated_types import Len
from torch import Tensor, nn

from ...arguments import as_list, as_python, checked
from ...errors import TARGET_ERRORS, TargetError, shown
from ...maps import full
from ..models.class_names import names_in
from .detections import Detections, detections_in, rounded
from .protocol import Score

_Box = Annotated[Sequence[float], Len(4, 4)]
_ARGUMENTS = {"category": int | str | None, "box": _Box | None, "index": int | None}


@dataclass(frozen=True, eq=False)
class DetectionTarget:
    """How surely a detector finds an object, and how well it places it: score times overlap.

    The target's value is the largest such product over the detector's candidates for the class, and
    0 without any. They are read before thresholds and non-maximum suppression where the detector
    gives them. The output for an image is that of torchvision's detectors: `boxes` (K, 4) as x1,
    y1, x2, y2, `labels` (K,) and `scores` (K,). Of another detector, an adapter's `output` makes it
    so, and may add `class_scores` (K, C) and `kept`, which of them remain after thresholds.

    Which object is meant is settled on the plain image, and stays the same while methods edit it.

    Args:
        category: the class, by number, or by name where the model carries names; None for the
            class of the best detection, or of the one that overlaps `box` best.
        box: x1, y1, x2, y2 in pixels of the image; None for the class's best detection.
        index: which of the detections in `Explanation.boxes`; with a category, which of those of
            the category. The first is 0, the best.

    Raises:
        TargetTypeError: for a category that is no integer and no name, a box that is no numbers, or
            an index that is no integer.
        TargetError: for a box of another number of numbers, or an index beside a box.
    """

    category: int | str | None = None
    box: tuple[float, float, float, float] | None = None
    index: int | None = field(default=None, kw_only=True)
    note = ""  # what a reader should know of the object that was settled on
    follows_places = True
    is_probability = True  # the score is in [0, 1], as metrics ask for

    def __post_init__(self) -> None:
        if (numbers := as_list(self.box)) is not None:
            object.__setattr__(self, "box", tuple(map(as_python, numbers)))
        for name, annotation in _ARGUMENTS.items():
            value = checked("DetectionTarget", name, getattr(self, name), annotation, TARGET_ERRORS)
            object.__setattr__(self, name, value)
        if self.box is not None and self.index is not None:
            raise TargetError(
                "DetectionTarget takes index= or box=, not both: each says which object is meant"
            )

    def of_model(self, model: nn.Module, adapter: Any = None) -> DetectionTarget:
        """The same target with its class by number, from the names that the model carries.

        Raises:
            TargetError: if the model carries no names, or not this one.
        """
        if not isinstance(self.category, str):
            return self
        return replace(self, category=_number_of(self.category, names_in(model)))

    def __call__(self, sample: Any) -> Tensor:
        boxes, scores = detections_in(sample).of_class(self._number(sample))
        if self.box is None:
            return scores.max() if len(scores) else scores.sum()
        products = scores * overlap(boxes, self.box)
        return products.max() if len(products) else products.sum()

    def fixed(self, sample: Any) -> Score:
        """The same target with the object's class and box, as they are in one image."""
        found, category = detections_in(sample), self._number(sample)
        if self.box is not None:
            return self._at_box(found, category)
        if self.index is None and category is not None:
            return self._best_of_class(found, category)
        kept = found.kept_of(category)
        index = self.index or 0
        if not -len(kept) <= index < len(kept):
            of_class = "" if category is None else f" of class {category}"
            raise TargetError(
                f"the detector finds no object {index}{of_class}: there are {len(kept)}, counted "
                f"from 0; it finds {found.listed()}"
            )
        return self._settled(found, int(found.labels[kept[index]]), int(kept[index]))

    def described(self, score: str, names: Sequence[str] | None = None) -> str:
        """The object in words, such as "dog 0.83 at [12, 20, 64, 80]"."""
        known = names or ()
        number = self.category if isinstance(self.category, int) else -1
        name = known[number] if 0 <= number < len(known) else f"class {self.category}"
        where = "" if self.box is None else f" at {rounded(self.box)}"
        return f"{name} {score}{where}"

    def _number(self, sample: Any) -> int | None:
        if not isinstance(self.category, str):
            return self.category
        raise TargetError(
            f"{self!r} names its class, which only the model's names tell; pass the class's "
            f"number. The detector finds {detections_in(sample).listed()}"
        )

    def _at_box(self, found: Detections, category: int | None) -> DetectionTarget:
        """The same box, and the class that overlaps it best where none is named."""
        assert self.box is not None
        boxes, scores = found.of_class(category)
        overlaps = overlap(boxes, self.box)
        if not bool((overlaps > 0).any()):
            raise self._nothing(found, category, f" that overlaps {self.box}")
        if category is not None:
            return self
        return replace(self, category=int(found.labels[(scores * overlaps).argmax()]))

    def _best_of_class(self, found: Detections, category: int) -> DetectionTarget:
        """The box of the class's best detection; where there is none, of its best candidate."""
        kept = found.kept_of(category)
        kept = kept[areas(found.boxes[kept]) > 0]
        if len(kept):
            return self._settled(found, category, int(kept[0]))
        boxes, scores = found.of_class(category)
        fitting = areas(boxes) > 0
        if found.class_scores is None or not bool(fitting.any()):
            raise self._nothing(found, category)
        best = int(scores.where(fitting, -torch.inf).argmax())
        settled = self._settled(found, category, best)
        note = (
            f"the detector finds no object of class {category}; explained is the candidate that "
            f"comes nearest, with a score of {float(scores[best].detach()):.2g}. It finds "
            f"{found.listed()}"
        )
        object.__setattr__(settled, "note", note)
        return settled

    def _settled(self, found: Detections, category: int, candidate: int) -> DetectionTarget:
        box = tuple(found.boxes[candidate].tolist())
        return replace(self, category=category, box=box, index=None)

    def _nothing(self, found: Detections, category: int | None, where: str = "") -> TargetError:
        of_class = "" if category is None else f" of class {category}"
        return TargetError(
            f"the detector finds no object{of_class}{where}; it finds {found.listed()}"
        )


def _number_of(name: str, names: Sequence[str] | None) -> int:
    """The number of the class that is called so, in capitals or not."""
    if not names:
        raise TargetError(
            f"the model carries no names of its classes, so {shown(name)} cannot be found among "
            f"them; pass the class's number, as in DetectionTarget(0)"
        )
    fitting = [i for i, each in enumerate(names) if each == name]
    fitting = fitting or [i for i, each in enumerate(names) if each.lower() == name.lower()]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        numbers = ", ".join(map(str, fitting))
        raise TargetError(f"several classes are called {shown(name)}; pass a number: {numbers}")
    close = get_close_matches(name.lower(), [each.lower() for each in names], n=5, cutoff=0.5)
    nearest = [each for each in names if each.lower() in close] or names[:5]
    raise TargetError(
        f"the model has no class {shown(name)}; among its {len(names)} are "
        f"{', '.join(map(repr, nearest))}"
    )


def overlap(boxes: Tensor, box: tuple[float, float, float, float]) -> Tensor:
    """The intersection over union (K,) of each of `boxes` (K, 4) with one box, in [0, 1]."""
    boxes = full(boxes)  # areas are beyond the range of half precision
    other = boxes.new_tensor(box)
    low, high = torch.maximum(boxes[:, :2], other[:2]), torch.minimum(boxes[:, 2:], other[2:])
    shared = (high - low).clamp(min=0).prod(1)
    sizes = areas(boxes) + areas(other[None])
    return shared / (sizes - shared).clamp(min=torch.finfo(boxes.dtype).tiny)


def areas(boxes: Tensor) -> Tensor:
    """The area (K,) of each of `boxes` (K, 4)."""
    return full(boxes[:, 2:] - boxes[:, :2]).prod(1)
