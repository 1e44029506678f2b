"""Where models come from: torchvision, timm, or a factory of the user's own."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from torch import nn

from ...errors import InputError, InputTypeError, UnknownName, shown
from .downloads import downloading, reach_hub
from .own import own_factory
from .preprocessing import Preprocessing


@dataclass(frozen=True)
class Source:
    """A model that can be built, with the preprocessing and the classes of its usual weights.

    Attributes:
        build: the model with random weights, for that many classes; None for the usual number.
        pretrained: the model with its DEFAULT weights, and the name of these.
        preprocessing: the one that the usual weights were trained with.
        class_names: of the usual weights; None if they are unknown.
        classes: the usual number of classes, 0 without a classifier, None if unknown.
    """

    build: Callable[[int | None], nn.Module]
    pretrained: Callable[[], tuple[nn.Module, str]]
    preprocessing: Preprocessing
    class_names: tuple[str, ...] | None
    classes: int | None


def find_source(name: str) -> Source:
    """The source of a model: `resnet50`, `torchvision:resnet50`, `timm:resnet50`, `module:factory`.

    A name that torchvision and timm both know is torchvision's.

    Raises:
        UnknownName: if neither knows the name; it gives the closest ones.
        CamkitError: if a user's own factory cannot be imported.
    """
    if not isinstance(name, str):
        raise InputTypeError(f"expected a model by its name, got {shown(name)}")
    library, colon, rest = name.partition(":")
    if colon and library not in ("torchvision", "timm"):
        return own_source(name)
    plain = rest if colon else name
    if library != "timm" and plain in _torchvision_names():
        return torchvision_source(plain)
    if library != "torchvision" and _timm_knows(plain):
        return timm_source(plain)
    raise _unknown_model(name, plain)


def _torchvision_names() -> list[str]:
    import torchvision

    names: list[str] = torchvision.models.list_models(module=torchvision.models)
    return names


def _timm() -> Any:
    return importlib.import_module("timm")  # takes a second: imported only when needed


def _timm_knows(name: str) -> bool:
    timm = _timm()
    architecture, _, tag = name.partition(".")
    # timm still builds models by retired names, but has no settings for them.
    names = timm.list_pretrained(f"{architecture}.*") if tag else timm.list_models(architecture)
    return name in names


def _unknown_model(name: str, plain: str) -> UnknownName:
    timm = _timm()
    known = {*_torchvision_names(), *timm.list_models(), *timm.list_pretrained()}
    close = get_close_matches(plain[:100].lower(), known, n=3)
    hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
    return UnknownName(
        f"no model named {shown(name)}.{hint} Known are the classification models of torchvision "
        f"and timm by their names there, and your own as package.module:factory"
    )


def torchvision_source(name: str) -> Source:
    """A classification model of torchvision, with its best weights' preprocessing and classes."""
    import torchvision

    weights = torchvision.models.get_model_weights(name).DEFAULT
    usual, names = weights.transforms(), tuple(weights.meta["categories"])

    def build(classes: int | None) -> nn.Module:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # on the initialisation of Inception
            model: nn.Module = torchvision.models.get_model(
                name, weights=None, num_classes=classes or len(names)
            )
        return model

    def pretrained() -> tuple[nn.Module, str]:
        with downloading(name, weights.url):
            return torchvision.models.get_model(name, weights=weights), str(weights)

    (side,) = usual.crop_size
    preprocessing = Preprocessing((side, side), tuple(usual.mean), tuple(usual.std), usual)
    return Source(build, pretrained, preprocessing, names, len(names))


def timm_source(name: str) -> Source:
    """A model of timm, with the preprocessing and the classes of its weights."""
    timm = _timm()
    settings = timm.models.get_pretrained_cfg(name).to_dict()
    data = timm.data.resolve_data_config(pretrained_cfg=settings)

    def build(classes: int | None) -> nn.Module:
        chosen = {} if classes is None else {"num_classes": classes}
        model: nn.Module = timm.create_model(name, pretrained=False, **chosen)
        return model

    preprocessing = Preprocessing(
        tuple(data["input_size"][1:]),
        tuple(data["mean"]),
        tuple(data["std"]),
        timm.data.create_transform(**data, is_training=False),
    )
    classes = settings["num_classes"]
    return Source(
        build, lambda: _timm_pretrained(name, settings), preprocessing, _imagenet(classes), classes
    )


def _timm_pretrained(name: str, settings: dict[str, Any]) -> tuple[nn.Module, str]:
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
        return _timm().create_model(name, pretrained=True), origin


def _imagenet(classes: int) -> tuple[str, ...] | None:
    data = _timm().data
    subset = data.infer_imagenet_subset({"num_classes": classes})
    return tuple(data.ImageNetInfo(subset).label_descriptions()) if subset else None


def own_source(name: str) -> Source:
    """A model that `package.module:factory` returns when called without arguments.

    Raises:
        CamkitError: if the module or the factory is not there, or the module fails to import.
    """
    made, weights = own_factory(name), f"as {name} returns them"
    return Source(lambda _: made(), lambda: (made(), weights), Preprocessing(), None, None)
