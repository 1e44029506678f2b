"""torchvision's detectors (Faster, Mask and Keypoint R-CNN, FCOS, RetinaNet, SSD).

Their output is the form that `DetectionTarget` reads. The adapter of another detector brings its
output into that form by `Adapter(output=...)`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor

from camkit_core import Adapter


def adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last layer from which every scale of boxes is made.

    With a feature pyramid that is the backbone's last stage. SSD makes its scales one after the
    other, so there it is the layer of the first scale.
    """
    backbone = model.backbone
    if hasattr(backbone, "body"):
        layer = list(backbone.body.children())[-1]
    else:
        runs_alone = type(backbone).__name__ == "SSDFeatureExtractorVGG"
        layer = backbone.features if runs_alone else backbone.features[0]
    return Adapter(layer, _without_padding(model.transform, image_size))


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
        height, width = (round(n * part) for n, part in zip(output.shape[2:], parts, strict=True))
        return output[:, :, :height, :width]

    return reshape
