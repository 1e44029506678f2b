"""ResNet and its kin (ResNeXt, Wide ResNet, SE- and ECA-ResNets), of torchvision and of timm."""

from __future__ import annotations

from typing import Any

from torch import nn

from camkit_core import Adapter


def adapter(model: nn.Module, image_size: tuple[int, int]) -> Adapter:
    """The last residual block: `layer4[-1]`."""
    return Adapter(layer=model.get_submodule("layer4")[-1])  # type: ignore[index]


def huggingface_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last stage of Hugging Face's ResNet or RegNet: `encoder.stages[-1]`."""
    return Adapter(getattr(model, model.base_model_prefix).encoder.stages[-1])
