"""ConvNeXt (v1, v2), of torchvision, timm and Hugging Face."""

from __future__ import annotations

from typing import Any

from camkit_core import Adapter


def adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last stage: `features[-1]`."""
    return Adapter(model.features[-1])


def timm_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last stage: `stages[-1]`; the norm that follows comes after pooling."""
    return Adapter(model.stages[-1])


def huggingface_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last stage: `encoder.stages[-1]`."""
    return Adapter(getattr(model, model.base_model_prefix).encoder.stages[-1])
