"""ultralytics' YOLO and RT-DETR: the layers that the head reads, and its boxes before thresholds.

A box belongs to one level of the pyramid, so all levels are explained together. Thresholds are
those of ultralytics' own `predict`: a score of 0.25, and an overlap of 0.7 within a class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torchvision.ops import batched_nms

from camkit_core import Adapter, InputError

SCORE, OVERLAP = 0.25, 0.7
LISTED = 10  # candidates that count as found where none reaches the threshold


def adapter(model: Any, image_size: tuple[int, int]) -> Adapter | list[Adapter] | None:
    """By the model's head; None for a head of another kind."""
    head = model.model[-1]
    kinds = {kind.__name__ for kind in type(head).__mro__}
    if "Classify" in kinds:
        return Adapter(head.conv, output=partial(_part, 1))
    if "SemanticSegment" in kinds:
        return Adapter(_read_by(model, head)[0])
    if "RTDETRDecoder" in kinds:
        _check_sides(model, image_size)
        read = partial(_queries, head, image_size)
        return [Adapter(layer, output=read) for layer in _read_by(model, head)]
    if "Detect" in kinds:
        _check_sides(model, image_size)
        read = partial(_candidates, head)
        return [Adapter(layer, output=read) for layer in _read_by(model, head)]
    return None


def _read_by(model: Any, head: Any) -> list[Any]:
    """The layers whose outputs the head reads, the finest first."""
    sources = head.f if isinstance(head.f, (list, tuple)) else [head.f]
    return [model.model[source if source >= 0 else head.i + source] for source in sources]


def _check_sides(model: Any, image_size: tuple[int, int]) -> None:
    """Refuse sides of which the levels of the pyramid do not fit on each other."""
    strides = [int(stride) for stride in torch.as_tensor(model.stride).flatten().tolist()]
    coarsest = max(strides)
    ratio = coarsest // min(strides)
    if all(-(-side // min(strides)) % ratio == 0 for side in image_size):
        return
    height, width = image_size
    below, right = -height % coarsest, -width % coarsest
    raise InputError(
        f"{type(model).__name__} takes images whose sides are multiples of {coarsest}; got "
        f"{height}x{width}. Pad them, as ultralytics does: torch.nn.functional.pad(images, "
        f"(0, {right}, 0, {below}), value=114 / 255)"
    )


def _part(index: int, output: Any) -> Any:
    return output[index] if isinstance(output, (tuple, list)) else output


def _candidates(head: Any, output: Any) -> dict[str, Any]:
    """The candidates of YOLO's heads, from what the model returns in evaluation mode."""
    decoded, raw = _decoded_and_raw(output)
    if not getattr(head, "end2end", False):
        rows = decoded.mT  # (N, A, 4 + classes + more)
        boxes, scores = rows[..., :4], rows[..., 4 : 4 + head.nc]
        angles = rows[..., -1:] if _rotates(head) else None
        return _form(_upright(boxes, angles, getattr(head, "xyxy", False)), scores, _suppressed)
    # Such a head keeps the best few; all of them are decoded as it does it.
    own = raw["one2one"]
    boxes, scores = head._get_decode_boxes(own).mT, own["scores"].sigmoid().mT
    angles = own["angle"].mT if _rotates(head) else None
    return _form(_upright(boxes, angles, corners=True), scores, _best)


def _rotates(head: Any) -> bool:
    return any(kind.__name__ == "OBB" for kind in type(head).__mro__)


def _upright(boxes: Tensor, angles: Tensor | None, corners: bool) -> Tensor:
    """Boxes (N, A, 4) as x1, y1, x2, y2; of rotated ones, the upright boxes around them."""
    if angles is None:
        return boxes if corners else _corners(boxes)
    centres, width, height = boxes[..., :2], boxes[..., 2:3], boxes[..., 3:4]
    cos, sin = angles.cos().abs(), angles.sin().abs()
    sizes = [width * cos + height * sin, width * sin + height * cos]
    return _corners(torch.cat([centres, *sizes], -1))


def _decoded_and_raw(output: Any) -> tuple[Tensor, Any]:
    raw = output[1] if isinstance(output, (tuple, list)) else None
    while isinstance(output, (tuple, list)):
        output = output[0]
    return output, raw


def _queries(head: Any, image_size: tuple[int, int], output: Any) -> dict[str, Any]:
    """The queries of RT-DETR, whose boxes are in parts of the image."""
    _, (boxes, logits, *_) = _decoded_and_raw(output)
    height, width = image_size
    corners = _corners(boxes[-1]) * boxes.new_tensor([width, height, width, height])
    return _form(corners, logits[-1].sigmoid(), _best)


def _form(boxes: Tensor, class_scores: Tensor, kept: Callable[..., Tensor]) -> dict[str, Any]:
    return {"boxes": boxes, "class_scores": class_scores, "kept": kept}


def _corners(boxes: Tensor) -> Tensor:
    """Boxes (..., 4) as x1, y1, x2, y2, from their centres and sizes."""
    centres, halves = boxes[..., :2], boxes[..., 2:] / 2
    return torch.cat([centres - halves, centres + halves], -1)


def _suppressed(sample: Mapping[str, Any]) -> Tensor:
    """The candidates that remain after threshold and non-maximum suppression, best first."""
    best = _best(sample)
    boxes, scores, labels = (sample[name][best].float() for name in ("boxes", "scores", "labels"))
    return best[batched_nms(boxes, scores, labels, OVERLAP)]


def _best(sample: Mapping[str, Any]) -> Tensor:
    """The candidates that pass the threshold, best first; if none does, the best few."""
    order: Tensor = sample["scores"].float().argsort(descending=True, stable=True)
    passing = int((sample["scores"] > SCORE).sum())
    return order[: passing or LISTED]
