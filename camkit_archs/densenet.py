"""DenseNet, of torchvision and of timm: what the classifier reads, after the last ReLU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from camkit_core import Adapter


def adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The output of `features[-1]` after the ReLU that follows it.

    torchvision applies that ReLU in place, as a function, so no module has its output.
    """
    layer = model.features[-1]
    return Adapter(layer=layer, activation=positive)


def timm_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The output of `features[-1]`, a norm that holds the ReLU."""
    return Adapter(layer=model.features[-1])


def positive(output: Tensor) -> Tensor:
    """ReLU whose zeros are the smallest positive number, about 1e-38.

    The model applies its own ReLU to the result. At an exact zero that ReLU would stop the
    gradient, and the map would combine activations after the ReLU with gradients before it.
    """
    return output.clamp(min=torch.finfo(output.dtype).tiny)
