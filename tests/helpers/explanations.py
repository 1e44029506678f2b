"""An explanation made of a map and images, without a model."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from camkit_core import Explanation


def explanation_of(cam: Tensor, images: Tensor, /, **fields: Any) -> Explanation:
    """What an explanation of one image has beside its map (1, h, w) and the image (1, 3, H, W).

    Args:
        cam: the map.
        images: the image.
        **fields: of the explanation, in place of the usual ones.
    """
    values: dict[str, Any] = {
        "cam": cam,
        "images": images,
        "logits": None,
        "target": torch.tensor([1]),
        "score": torch.tensor([0.9]),
        "layer": "layer",
        "method": "gradcam",
        "adapter": "given",
        "notes": (),
        "reasons": (None,),
    }
    return Explanation(**values | fields)
