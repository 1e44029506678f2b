"""What every source of images is: names for all of them, and a function that reads one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import InputTypeError, shown
from ...loading.pictures import is_picture, photos

Sample = tuple[Tensor, Any]  # the model's input (C, H, W), and a label or None
Prepare = Callable[[Any], Tensor]  # from a picture (H', W', 3), uint8 RGB, to the model's input


@dataclass(frozen=True, eq=False)
class Source:
    """The images of a data set.

    Attributes:
        ids: of all images, each once, as a string array of PyArrow: Python's strings would be
            copied into each worker process. None where they are only known as they come.
        read: from an id to a sample; whatever it raises is that image's error.
        record: what the source is, ready for JSON; `root` is the folder that ids are relative to.
        label_names: names of the labels that samples have, where the source has them.
        stream: gives batches of images itself, in place of `read`; a `DataLoader`.
        spawned: whether workers must not be forked from a process that has read from it.
    """

    ids: Any
    read: Callable[[str], Sample]
    record: dict[str, Any] = field(default_factory=dict)
    label_names: Sequence[str] | None = None
    stream: Any = None
    spawned: bool = False


def sample_of(item: Any, prepare: Prepare | None) -> Sample:
    """Image and label of what a data set gives for an index.

    Args:
        item: an image, a tuple that begins with an image and a label, or a dict of both.
        prepare: makes the model's input of a picture; None where the model says nothing of it.

    Raises:
        InputTypeError: if there is no image in it that can be read.
    """
    image, label = _parts(item)
    if isinstance(image, Tensor) and image.is_floating_point():
        return image, label
    if isinstance(image, np.ndarray) and np.issubdtype(image.dtype, np.floating):
        return torch.from_numpy(image), label
    if not is_picture(image):
        raise InputTypeError(
            f"expected an image from the data set, as a floating-point tensor (C, H, W) or a "
            f"picture, alone or before its label; got {shown(image)}"
        )
    if prepare is None:
        raise InputTypeError(
            "the data set gives pictures, and nothing says how they are prepared for this model; "
            "pass transform=, as in transform=weights.transforms(), or load the model by its name"
        )
    return prepare(photos(image)[0].pixels), label


_IMAGES, _LABELS = ("image", "pixel_values", "img", "images"), ("label", "labels", "target")


def _parts(item: Any) -> tuple[Any, Any]:
    if isinstance(item, dict):
        return _first(item, _IMAGES), _first(item, _LABELS)
    if isinstance(item, (tuple, list)) and item:
        return item[0], item[1] if len(item) > 1 else None
    return item, None


def _first(item: dict[str, Any], names: Sequence[str]) -> Any:
    return next((item[name] for name in names if name in item), None)
