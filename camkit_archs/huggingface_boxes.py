"""What Hugging Face's detectors return, in the form that `DetectionTarget` reads.

Boxes are pixels of the model's input, and scores come before any threshold. `kept` is what the
detector takes for an object: where no object is a class, that class is not the surest; else the
score is above a half, as `post_process_object_detection` has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from camkit_core import InputError

Detections = dict[str, Any]
Read = Callable[[Any], list[Detections]]


def one_class_or_none(image_size: tuple[int, int]) -> Read:
    """For a softmax over the classes and, last, no object."""

    def read(output: Any) -> list[Detections]:
        logits, boxes = _of_queries(output)
        class_scores = logits.softmax(-1)[..., :-1]
        return _detections(logits, class_scores, boxes, image_size, _surer_than_none)

    return read


def each_class(image_size: tuple[int, int]) -> Read:
    """For a sigmoid of each class."""

    def read(output: Any) -> list[Detections]:
        logits, boxes = _of_queries(output)
        return _detections(logits, logits.sigmoid(), boxes, image_size, _above_half)

    return read


def size_within(call: Mapping[str, Any], image_size: tuple[int, int]) -> tuple[int, int]:
    """Height and width, in pixels, of what boxes are shares of: the images without their padding.

    Args:
        call: the arguments of the model's call, by name.
        image_size: of the images with their padding.

    Raises:
        InputError: if the images of the batch differ in size.
    """
    mask = call.get("pixel_mask")
    if mask is None:
        return image_size
    filled = mask.bool()
    heights, widths = filled.any(2).sum(1).tolist(), filled.any(1).sum(1).tolist()
    sizes = sorted(set(zip(heights, widths, strict=True)))
    if len(sizes) > 1:
        shown = ", ".join(f"{height}x{width}" for height, width in sizes)
        raise InputError(
            f"the images of the batch have several sizes without their padding, as pixel_mask "
            f"says ({shown}), so their boxes cannot be told in pixels; explain images of one size "
            f"together, or one image at a time"
        )
    height, width = sizes[0]
    return height, width


def _of_queries(output: Any) -> tuple[Tensor, Tensor]:
    """Logits (N, A, K) and boxes (N, A, 4) of an output, which is a tuple if the config says so."""
    if isinstance(output, Mapping):
        return output["logits"], output["pred_boxes"]
    logits, boxes, *_ = (each for each in output if isinstance(each, Tensor) and each.ndim == 3)
    return logits, boxes


def _detections(
    logits: Tensor,
    class_scores: Tensor,
    boxes: Tensor,
    image_size: tuple[int, int],
    kept: Callable[..., Tensor],
) -> list[Detections]:
    """The detections in each of N images, beside what the model itself returns for each query.

    Args:
        logits: (N, A, K) or (N, A, K + 1).
        class_scores: (N, A, K).
        boxes: (N, A, 4), centre and sides as shares of the image.
        image_size: height and width in pixels.
        kept: from one image's part of what is returned to the detections that are kept.
    """
    height, width = image_size
    centre, sides = boxes[..., :2], boxes[..., 2:]
    corners = torch.cat([centre - sides / 2, centre + sides / 2], -1)
    pixels = corners * boxes.new_tensor([width, height, width, height])
    names = ("logits", "pred_boxes", "boxes", "class_scores")
    rows = zip(logits, boxes, pixels, class_scores, strict=True)
    return [{**dict(zip(names, row, strict=True)), "kept": kept} for row in rows]


def _surer_than_none(sample: Mapping[str, Any]) -> Tensor:
    none = 1 - sample["class_scores"].sum(-1)
    return _best_first(sample, none)


def _above_half(sample: Mapping[str, Any]) -> Tensor:
    return _best_first(sample, 0.5)


def _best_first(sample: Mapping[str, Any], least: Tensor | float) -> Tensor:
    """The detections (K',) with a score above `least`, the best first."""
    scores: Tensor = sample["class_scores"].amax(-1)
    order = scores.argsort(descending=True, stable=True)
    return order[(scores > least)[order]]
