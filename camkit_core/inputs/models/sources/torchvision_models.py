"""Models of torchvision by name."""

from __future__ import annotations

import warnings

from torch import nn

from ..downloads import downloading
from ..preprocessing import Preprocessing
from ..source import ModelSource
from .libraries import torchvision_names, unknown_model


def torchvision(name: str) -> ModelSource:
    """Classification models of torchvision, with their best weights.

    Raises:
        UnknownName: for any other name.
    """
    if name not in torchvision_names():
        raise unknown_model(f"torchvision:{name}")
    from torchvision import models

    weights = models.get_model_weights(name).DEFAULT
    usual, names = weights.transforms(), tuple(weights.meta["categories"])

    def build(classes: int | None) -> nn.Module:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # on the initialisation of Inception
            model: nn.Module = models.get_model(
                name, weights=None, num_classes=classes or len(names)
            )
        return model

    def pretrained() -> tuple[nn.Module, str]:
        with downloading(name, weights.url):
            return models.get_model(name, weights=weights), str(weights)

    (side,) = usual.crop_size
    preprocessing = Preprocessing((side, side), tuple(usual.mean), tuple(usual.std), usual)
    return ModelSource(build, pretrained, preprocessing, names, len(names), "classification")
