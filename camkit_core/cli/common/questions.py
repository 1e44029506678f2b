"""What a command asks of a model, by its task: classes, boxes, texts or masks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from ...engine import compare
from ...errors import ArgumentError, TargetError, shown
from ...inputs.models.class_names import find_class
from ...inputs.models.load import LoadedModel
from ...inputs.targets.detection import DetectionTarget
from ...inputs.targets.segmentation import SegmentationTarget
from ...inputs.targets.text import TextTarget
from .arguments import split_list
from .targets import Names, find_targets, known_names, with_ranks

BOXES = "top3"  # of a detector, where nobody says which
_PLACE = re.compile(r"(.*):(\d{1,6})")
_BEST = re.compile(r"top0*([1-9]\d{0,5})", re.IGNORECASE)


@dataclass(frozen=True)
class BestBoxes:
    """The best boxes of each image: `count` of them, or as many as the detector finds."""

    count: int


def questions(model: LoadedModel, target: str | None, texts: Sequence[str]) -> list[Any]:
    """What `--target` and `--text` ask of a model: targets of `compare`, and `BestBoxes`.

    Args:
        model: its task decides what a word of `--target` means.
        target: classes; of a detector also `dog:0`, the best dog, and `:0`, the best of all boxes.
            None for the best class, or the three best boxes.
        texts: what a model of texts and images is to look for.

    Raises:
        ArgumentError: if the model asks for a text and there is none, or for both.
        UnknownName: for a class name that it does not have.
        TargetError: for a target that means nothing to a model of its task.
    """
    if texts:
        return _of_texts(model, target, texts)
    if model.task == "text-image":
        raise ArgumentError(
            f"{model.name} compares an image with texts; say what to look for, as in "
            f'--text "a red car"'
        )
    names = known_names(model)
    if model.task == "detection":
        return _each(target or BOXES, names, _boxes)
    if model.task == "segmentation":
        return _each(_said(model, target), names, _mask)
    return list(with_ranks(find_targets(target or "top1", names)))


def expanded(asked: Iterable[Any], model: nn.Module, images: Tensor) -> list[Any]:
    """The targets for some images: `BestBoxes` become the boxes that all of the images have."""
    targets: list[Any] = []
    for each in asked:
        if isinstance(each, BestBoxes):
            count = 1 if each.count == 1 else min(each.count, _boxes_found(model, images))
            targets += [DetectionTarget(index=index) for index in range(count)]
        else:
            targets.append(each)
    return targets


def _boxes_found(model: nn.Module, images: Tensor) -> int:
    """How many boxes a detector finds in each of the images, at least; from one forward pass."""
    explained = compare(model, images, ["eigencam"], [DetectionTarget(index=0)])[0, 0]
    return min(len(each["boxes"]) for each in explained.boxes or [])


def _of_texts(model: LoadedModel, target: str | None, texts: Sequence[str]) -> list[Any]:
    if target is not None:
        raise ArgumentError("give --target or --text, not both: each says what is explained")
    if model.tokenizer is None and model.task not in ("", "text-image"):
        raise ArgumentError(
            f"{model.name} is a model for {model.task} and reads no texts; name a class (--target)"
        )
    tokenizer = None if model.tokenizer is None else model.tokenizer()
    return [TextTarget(text, tokenizer=tokenizer) for text in dict.fromkeys(texts)]


def _each(text: str, names: Names | None, one: Callable[[str, Names | None], Any]) -> list[Any]:
    """What each item of a list means; a name may contain commas itself."""
    items = [text] if names and text in names else split_list(text)
    return [one(item, names) for item in items]


def _boxes(text: str, names: Names | None) -> Any:
    """What an item of `--target` means to a detector."""
    if match := _BEST.fullmatch(text):
        return BestBoxes(int(match[1]))
    named = text if names and text in names else None
    match = None if named else _PLACE.fullmatch(text)
    category, index = (match[1], int(match[2])) if match else (text, None)
    return DetectionTarget(_number(category, names) if category else None, index=index)


def _mask(text: str, names: Names | None) -> SegmentationTarget:
    """What an item of `--target` means to a model that segments."""
    if _BEST.fullmatch(text):
        raise TargetError(
            f"{shown(text)} means nothing where each pixel has a class; name a class (--target)"
        )
    return SegmentationTarget(_number(text, names))


def _said(model: LoadedModel, target: str | None) -> str:
    if target is None:
        raise ArgumentError(
            f"{model.name} gives a class to each pixel; say which class to explain, by number or "
            f"name (--target)"
        )
    return target


def _number(text: str, names: Names | None) -> int:
    """The number of the class that a text names, or is."""
    if text.isdecimal():
        return int(text)
    if not names:
        raise TargetError(
            f"cannot tell which class {shown(text)} is: no class names are known for these "
            f"weights; give its number, or the names (--class-names FILE)"
        )
    return find_class(text, names)
