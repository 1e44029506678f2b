"""A small trained network as a model by its name, for who has no other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor, nn

from .networks import preprocess, trained
from .scenes import CLASSES, SIZE


def scene_network() -> tuple[nn.Module, Any, Sequence[str]]:
    """The trained VGG, what makes its input of a picture, and the names of its classes."""
    return trained("vgg"), _prepared, CLASSES


def _prepared(picture: Image.Image) -> Tensor:
    small = picture.resize((SIZE, SIZE), Image.Resampling.BOX)
    return preprocess(np.array(small))[0]
