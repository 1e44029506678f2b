"""What is asked about each image: targets by short names, as the rows have them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import ArgumentError, TargetError, TargetTypeError, shown
from ...inputs.models.class_names import matching, names_in
from ...inputs.models.load import LoadedModel
from ...inputs.targets.detection import DetectionTarget
from ...inputs.targets.resolve import Rank, check_target
from ...loading.asked import asked_of

LABEL = "label"  # asks for each image's true class
_TOP = re.compile(r"top0*([1-9]\d{0,4})", re.IGNORECASE)


@dataclass(frozen=True)
class Question:
    """One target for all images.

    Attributes:
        name: as rows have it: "top1", "254", "tiger cat".
        target: as `compare` takes it; `LABEL` for each image's own label.
    """

    name: str
    target: Any


def questions(loaded: LoadedModel, target: Any) -> list[Question]:
    """What `target` of `explain_dataset` asks, each name once.

    Args:
        loaded: the model, whose task and class names say what words mean.
        target: None for the top class; a class by number or name, "top3", "label", or several
            separated by commas; a callable; or a list of these.

    Raises:
        UnknownName: for a class that the model does not have.
        TargetError: for what cannot be asked about each image of a data set.
    """
    found = {each.name: each for each in _each(loaded, target)}
    if not found:
        raise TargetError(f"expected a target: a class, top1, top2, ...; got {shown(target)}")
    return list(found.values())


def _each(loaded: LoadedModel, target: Any) -> Iterator[Question]:
    if isinstance(target, (list, tuple)):
        for part in target:
            yield from _each(loaded, part)
    elif target is None:
        yield from _of_text(loaded, "top1")
    elif isinstance(target, str):
        for text in _split(loaded, target):
            yield from _of_text(loaded, text)
    else:
        yield _of_value(target)


def _split(loaded: LoadedModel, text: str) -> list[str]:
    """The items of a list; a text for a model of texts, or a class name, may have commas itself."""
    names = loaded.class_names or names_in(loaded.model) or ()
    if loaded.task == "text-image" or matching(text, names):
        return [text]
    return [item.strip() for item in text.split(",") if item.strip()]


def _of_text(loaded: LoadedModel, text: str) -> Iterator[Question]:
    ranked = _TOP.fullmatch(text)
    if ranked and loaded.task == "text-image":
        raise ArgumentError(
            f"{loaded.name} compares an image with texts; say what to look for, as in "
            f'target="a red car"'
        )
    if ranked and loaded.task == "segmentation":
        raise TargetError(
            f"{loaded.name} gives a class to each pixel; say which class to explain, by number or "
            f"name: target="
        )
    if ranked:
        rank = DetectionTarget if loaded.task == "detection" else None
        for place in range(int(ranked[1])):
            yield Question(f"top{place + 1}", rank(index=place) if rank else Rank(place))
    elif text.lower() == LABEL and not matching(text, loaded.class_names or ()):
        yield Question(LABEL, LABEL)
    else:
        yield Question(text, asked_of(loaded, text))


def _of_value(target: Any) -> Question:
    if isinstance(target, Sequence) or bool(getattr(target, "ndim", False)):
        raise TargetTypeError(
            f"a data set is asked one target for all its images, or target='label' for each "
            f"image's own; got {shown(target)}"
        )
    check_target(target)
    if isinstance(target, Rank):
        return Question(f"top{target.position + 1}", target)
    if callable(target):
        return Question(getattr(target, "__name__", None) or shown(target), target)
    return Question(str(int(target)), int(target))
