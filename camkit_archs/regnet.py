"""RegNet, of torchvision, timm and Hugging Face."""

from __future__ import annotations

from typing import Any

from torch import nn

from camkit_core import Adapter


def adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last stage: `trunk_output[-1]`."""
    return Adapter(model.trunk_output[-1])


def timm_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last convolution, in models that have one after the last stage; else that stage."""
    return Adapter(model.s4 if isinstance(model.final_conv, nn.Identity) else model.final_conv)
