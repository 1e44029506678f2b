"""ResNet and its kin (ResNeXt, Wide ResNet, SE- and ECA-ResNets), of torchvision and of timm."""

from __future__ import annotations

from typing import Any

from camkit_core import Adapter


def adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last residual block: `layer4[-1]`."""
    return Adapter(layer=model.layer4[-1])


def huggingface_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last stage of Hugging Face's ResNet or RegNet: `encoder.stages[-1]`."""
    return Adapter(getattr(model, model.base_model_prefix).encoder.stages[-1])
