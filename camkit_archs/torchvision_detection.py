"""torchvision's detectors (Faster, Mask and Keypoint R-CNN, FCOS, RetinaNet, SSD).

Their output is the form that `DetectionTarget` reads, after thresholds and non-maximum suppression:
they return no scores of other classes. The adapter of another detector brings its output into that
form by `Adapter(output=...)`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor

from camkit_core import Adapter


def adapter(model: Any, image_size: tuple[int, int]) -> list[Adapter]:
    """The layers from which boxes of each size are made."""
    reshape = _without_padding(model.transform, image_size)
    return [Adapter(layer, reshape) for layer in _levels(model.backbone)]


def _levels(backbone: Any) -> list[Any]:
    """The stages that a feature pyramid is made of; or the scales of SSD; or the one end."""
    stages = getattr(getattr(backbone, "body", None), "return_layers", None)
    if stages:
        return [backbone.body[name] for name in stages]
    if hasattr(backbone, "extra"):
        whole = type(backbone).__name__ == "SSDFeatureExtractorVGG"
        return [*([backbone.features] if whole else backbone.features), *backbone.extra]
    return [backbone]


def _without_padding(
    transform: Any, image_size: tuple[int, int]
) -> Callable[[Tensor], Tensor] | None:
    """The part of the grid that the image covers; the model pads images to the right and below."""
    if transform.fixed_size is not None:
        return None
    # As torchvision's GeneralizedRCNNTransform does.
    scale = min(transform.min_size[-1] / min(image_size), transform.max_size / max(image_size))
    resized = [math.floor(side * scale) for side in image_size]
    padded = transform.size_divisible
    parts = [side / (math.ceil(side / padded) * padded) for side in resized]

    def reshape(output: Tensor) -> Tensor:
        height, width = (
            max(1, round(n * part)) for n, part in zip(output.shape[2:], parts, strict=True)
        )
        return output[:, :, :height, :width]

    return reshape
