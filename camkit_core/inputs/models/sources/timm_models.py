"""Models of timm by name."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor
from typing import Any

from torch import nn

from ....errors import InputError
from ..downloads import downloading, reach_hub
from ..preprocessing import Preprocessing
from ..source import ModelSource
from .libraries import timm as library
from .suggestions import unknown_model


def timm(name: str) -> ModelSource:
    """Models of timm, with the preprocessing and the classes of their weights.

    Raises:
        UnknownName: for a name that timm does not know.
    """
    if not _knows(name):
        raise unknown_model(f"timm:{name}")
    settings = library().models.get_pretrained_cfg(name).to_dict()

    def build(classes: int | None) -> nn.Module:
        chosen = {} if classes is None else {"num_classes": classes}
        model: nn.Module = library().create_model(name, pretrained=False, **chosen)
        return model

    classes = settings["num_classes"]
    return ModelSource(
        build,
        lambda: _pretrained(name, settings),
        preprocessing_by(settings),
        _imagenet(classes),
        classes,
        "classification",
    )


timm.models = "camkit_core.inputs.models.sources.listed:timm_models"  # type: ignore[attr-defined]


def preprocessing_by(settings: Mapping[str, Any]) -> Preprocessing:
    """The preprocessing that `pretrained_cfg` of a model of timm says."""
    data = library().data.resolve_data_config(pretrained_cfg=settings)
    return Preprocessing(
        tuple(data["input_size"][1:]),
        tuple(data["mean"]),
        tuple(data["std"]),
        library().data.create_transform(**data, is_training=False),
        _how(data),
    )


def _how(data: Mapping[str, Any]) -> str:
    """How timm resizes a picture, in a few words."""
    sides = [floor(side / data["crop_pct"]) for side in data["input_size"][1:]]
    resized = str(sides[0]) if len(set(sides)) == 1 else f"{sides[0]} x {sides[1]}"
    by_mode = {"squash": "both sides", "border": "longer side"}
    which = by_mode.get(data["crop_mode"], "shorter side")
    rest = "border" if data["crop_mode"] == "border" else "middle"
    return f"{which} to {resized}, {data['interpolation']}, {rest}"


def _knows(name: str) -> bool:
    architecture, _, tag = name.partition(".")
    # timm still builds models by retired names, but has no settings for them.
    models = library()
    names = models.list_pretrained(f"{architecture}.*") if tag else models.list_models(architecture)
    return name in names


def _pretrained(name: str, settings: Mapping[str, Any]) -> tuple[nn.Module, str]:
    repository, origin = settings.get("hf_hub_id"), settings.get("hf_hub_id") or settings.get("url")
    if not origin:
        raise InputError(
            f"timm has no weights for {name}; give a checkpoint file (--weights FILE) or take "
            f"random weights (--weights none)"
        )
    with downloading(name, origin):
        if repository:
            file = settings.get("hf_hub_filename")
            usual = ("model.safetensors", "pytorch_model.bin")
            reach_hub(repository, (file,) if file else usual)
        return library().create_model(name, pretrained=True), origin


def _imagenet(classes: int) -> tuple[str, ...] | None:
    data = library().data
    subset = data.infer_imagenet_subset({"num_classes": classes})
    return tuple(data.ImageNetInfo(subset).label_descriptions()) if subset else None
