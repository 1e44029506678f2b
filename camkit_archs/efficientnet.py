"""EfficientNet (v1, v2), of torchvision and Hugging Face; timm's is in mnasnet.py."""

from __future__ import annotations

from typing import Any

from camkit_core import Adapter


def adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last convolution with its norm and activation: `features[-1]`."""
    return Adapter(model.features[-1])


def huggingface_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The activation after the last convolution: `encoder.top_activation`."""
    return Adapter(model.efficientnet.encoder.top_activation)
