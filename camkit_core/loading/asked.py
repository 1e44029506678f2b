"""A target in words, by the task of a loaded model: a class, an object, a text."""

from __future__ import annotations

import re
from typing import Any

from ..errors import TargetError, shown
from ..inputs.models.class_names import find_class, names_in
from ..inputs.models.load import LoadedModel
from ..inputs.targets.detection import DetectionTarget
from ..inputs.targets.segmentation import SegmentationTarget
from ..inputs.targets.text import TextTarget

_PLACE = re.compile(r"(.*):(\d{1,6})")


def asked_of(loaded: LoadedModel, target: Any) -> Any:
    """A target as `explain` takes it: words become a class, an object, a mask or a text.

    Args:
        loaded: its task decides what words mean.
        target: a class name; of a detector also `dog:1`, the second best dog; what a model of texts
            and images is to look for; or a list of these for each image. None is the best box of a
            detector. Anything else is left as it is.

    Raises:
        UnknownName: for a class that it does not have; the error gives the closest names.
        TargetError: if a name fits several classes, or no names are known.
    """
    if target is None and loaded.task == "detection":
        return DetectionTarget(index=0)
    if isinstance(target, str):
        return _meaning(loaded, target)
    if isinstance(target, (list, tuple)):
        return [_meaning(loaded, each) if isinstance(each, str) else each for each in target]
    return target


def _meaning(loaded: LoadedModel, text: str) -> Any:
    if loaded.task == "text-image":
        tokenizer = None if loaded.tokenizer is None else loaded.tokenizer()
        return TextTarget(text, tokenizer=tokenizer)
    if loaded.task == "segmentation":
        return SegmentationTarget(_number(loaded, text))
    if loaded.task != "detection":
        return _number(loaded, text)
    names = loaded.class_names or names_in(loaded.model) or ()
    match = None if text in names else _PLACE.fullmatch(text)
    category, index = (match[1], int(match[2])) if match else (text, None)
    return DetectionTarget(_number(loaded, category) if category else None, index=index)


def _number(loaded: LoadedModel, text: str) -> int:
    """The number of the class that a text names, or is."""
    names = loaded.class_names or names_in(loaded.model)
    if names:
        return int(text) if text.isdecimal() and text not in names else find_class(text, names)
    if text.isdecimal():
        return int(text)
    raise TargetError(
        f"cannot tell which class {shown(text)} is: no class names are known for {loaded.name}; "
        f"give its number, or load the model with names: "
        f"camkit.load_model('package.module:factory', class_names=FILE)"
    )
