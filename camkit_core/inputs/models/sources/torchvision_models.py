"""Models of torchvision by name."""

from __future__ import annotations

import warnings
from typing import Any

from torch import nn

from ..downloads import downloading
from ..preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from ..source import ModelSource
from .libraries import torchvision_names
from .suggestions import unknown_model


def torchvision(name: str) -> ModelSource:
    """Classifiers, detectors and segmenters of torchvision: resnet50, resnet50.IMAGENET1K_V1.

    Without a tag of its weights behind the name, the weights are its best.

    Raises:
        UnknownName: for any other name.
    """
    from torchvision import models

    given, (name, _, tag) = name, name.partition(".")
    task = torchvision_names().get(name)
    tagged = models.get_model_weights(name).__members__ if task else {}
    if task is None or (tag and tag not in tagged) or given.endswith("."):
        raise unknown_model(f"torchvision:{given}")
    weights = tagged[tag] if tag else models.get_model_weights(name).DEFAULT
    names = tuple(weights.meta["categories"])
    further = {} if task == "classification" else {"weights_backbone": None}
    if name.startswith("vit_"):  # is built for one size
        further = {"image_size": weights.meta["min_size"][0]}

    def build(classes: int | None) -> nn.Module:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # on the initialisation of Inception
            model: nn.Module = models.get_model(
                name, weights=None, num_classes=classes or len(names), **further
            )
        return model

    def pretrained() -> tuple[nn.Module, str]:
        with downloading(name, weights.url):
            return models.get_model(name, weights=weights), str(weights)

    return ModelSource(
        build,
        pretrained,
        _preprocessing(weights.transforms(), task),
        names,
        len(names) if task == "classification" else None,
        task,
    )


torchvision.models = "camkit_core.inputs.models.sources.listed:torchvision_models"  # type: ignore[attr-defined]


def _preprocessing(usual: Any, task: str) -> Preprocessing:
    """What the weights' own transforms do."""
    if task == "detection":  # the model itself resizes and normalises
        return Preprocessing((800, 800), (0.0,) * 3, (1.0,) * 3, usual, "none: by the model itself")
    if task == "segmentation":
        (side,) = usual.resize_size
        return Preprocessing((side, side), IMAGENET_MEAN, IMAGENET_STD, usual, "shortest side")
    (side,), (resized,) = usual.crop_size, usual.resize_size
    how = f"shorter side to {resized}, {usual.interpolation.value}, middle"
    return Preprocessing((side, side), tuple(usual.mean), tuple(usual.std), usual, how)
