"""DenseNet, of torchvision and of timm: what the classifier reads, after the last ReLU."""

from __future__ import annotations

from typing import Any

from camkit_core import Adapter


def adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The output of `features[-1]` after the ReLU that follows it.

    torchvision applies that ReLU in place, as a function, so no module has its output.
    """
    return Adapter(model.features[-1], after=("relu",))


def timm_adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The output of `features[-1]`, a norm that holds the ReLU."""
    return Adapter(layer=model.features[-1])
