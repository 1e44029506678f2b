"""torchvision's segmentation networks (FCN, DeepLabV3, LR-ASPP)."""

from __future__ import annotations

from torch import nn

from camkit_core import Adapter


def adapter(model: nn.Module, image_size: tuple[int, int]) -> Adapter:
    """The backbone's last stage: what follows are maps of the classes, which explain themselves."""
    return Adapter(layer=list(model.get_submodule("backbone").children())[-1])
