"""Models of ultralytics (YOLO) by name: a checkpoint, or the settings of an architecture."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ....errors import InputError, UnknownName, shown
from ..checkpoints import sha256
from ..downloads import downloading
from ..filling import fill
from ..preprocessing import Preprocessing
from ..source import ModelSource
from .letterbox import Letterbox
from .libraries import library, path_named
from .suggestions import did_you_mean
from .ultralytics_files import StoredModel, read_model
from .ultralytics_settings import class_by, no_architecture, settings_in

_RELEASES = "https://github.com/ultralytics/assets/releases/download"
_SIDES = {"classify": 224}


def ultralytics(name: str) -> ModelSource:
    """YOLO models of ultralytics: yolo11n.pt, yolo11n.yaml, or a file of your own.

    A checkpoint (.pt) holds a whole model as Python objects. None of it is run: a model is built
    from the settings in the file, and the weights are put into it.

    Raises:
        UnknownName: for a name that ultralytics does not know, and that is no file.
        FileError: for a file that is no checkpoint of ultralytics.
        InputError: for settings of no architecture of ultralytics.
        ImportFailed: without ultralytics.
    """
    tasks = _tasks()
    path = path_named(name if Path(name).suffix else f"{name}.pt")
    if path is None:
        raise _unknown(name)
    if path.suffix in (".yaml", ".yml"):
        return _of_settings(tasks, settings_in(tasks, path), name)
    if path.is_file():
        return _of_file(tasks, path, name)
    return _of_asset(tasks, path, name)


ultralytics.models = "camkit_core.inputs.models.sources.listed:ultralytics_models"  # type: ignore[attr-defined]


def _tasks() -> Any:
    """The part of the library that builds models; imported to print and to install nothing."""
    own = {"YOLO_VERBOSE": "false", "YOLO_AUTOINSTALL": "false"}
    before = {name: os.environ.get(name) for name in own}
    os.environ.update({name: before[name] or value for name, value in own.items()})
    try:
        return library("ultralytics.nn.tasks", "ultralytics")
    finally:
        for name in own:
            if before[name] is None:
                os.environ.pop(name, None)


def _of_settings(tasks: Any, settings: dict[str, Any], name: str) -> ModelSource:
    """A model by its settings; they have no weights."""
    model_class, task = class_by(tasks, settings)

    def pretrained() -> tuple[nn.Module, str]:
        raise InputError(
            f"ultralytics:{name} is an architecture without weights; name a checkpoint, as "
            f"ultralytics:{Path(name).stem}.pt, or give a file of weights (--weights FILE) or "
            f"random weights (--weights none)"
        )

    return _source(partial(_built, model_class, settings), pretrained, settings, task)


def _of_file(tasks: Any, path: Path, name: str) -> ModelSource:
    """A model in a checkpoint file."""
    stored = read_model(path)
    model_class, task = class_by(tasks, stored.settings)
    build = partial(_built, model_class, stored.settings)

    def pretrained() -> tuple[nn.Module, str]:
        return _filled(build(None), stored, path, name), f"{path.name} sha256:{sha256(path)}"

    return _source(build, pretrained, stored.settings, task, stored.image_size)


def _of_asset(tasks: Any, path: Path, name: str) -> ModelSource:
    """A model that ultralytics publishes; its settings are in the library."""
    if str(path) not in _published():
        raise _unknown(str(path))
    settings = settings_in(tasks, path.with_suffix(".yaml"))
    model_class, task = class_by(tasks, settings)
    build = partial(_built, model_class, settings)

    def pretrained() -> tuple[nn.Module, str]:
        file = _downloaded(path.name)
        stored = read_model(file)
        made, _ = class_by(tasks, stored.settings)
        model = _built(made, stored.settings, None)
        return _filled(model, stored, file, name), f"{path.name} sha256:{sha256(file)}"

    return _source(build, pretrained, settings, task)


def _published() -> set[str]:
    """The files of models that ultralytics publishes."""
    from ultralytics.utils.downloads import GITHUB_ASSETS_NAMES

    return set(GITHUB_ASSETS_NAMES)


def _unknown(name: str) -> UnknownName:
    return UnknownName(
        f"no file {shown(name)}, and ultralytics has no model of this name."
        f"{did_you_mean(name, _published())} Expected yolo11n.pt, yolo11n.yaml, or a file of your "
        f"own"
    )


def _source(
    build: Callable[[int | None], nn.Module],
    pretrained: Callable[[], tuple[nn.Module, str]],
    settings: Mapping[str, Any],
    task: str,
    image_size: int | None = None,
) -> ModelSource:
    classifies = task == "classify"
    return ModelSource(
        build,
        pretrained,
        preprocessing_by(task, image_size),
        classes=settings.get("nc") if classifies else None,
        task="classification" if classifies else "detection",
    )


def preprocessing_by(task: str, image_size: int | None = None, stride: int = 32) -> Preprocessing:
    """The preprocessing that ultralytics does for a task of its models."""
    side = image_size or _SIDES.get(task, 640)
    if task != "classify":
        return Letterbox((side, side), stride=max(stride, 32), stretched=task == "rtdetr")
    from ultralytics.data.augment import classify_transforms

    black, white = (0.0,) * 3, (1.0,) * 3
    how = "shortest side, bilinear, middle"
    return Preprocessing((side, side), black, white, classify_transforms(side), how)


def _built(
    model_class: Callable[..., nn.Module], settings: dict[str, Any], classes: int | None
) -> nn.Module:
    try:
        model = model_class(copy.deepcopy(settings), nc=classes, verbose=False)
    except Exception as error:
        raise no_architecture(error) from error
    return model.eval()


def _filled(model: nn.Module, stored: StoredModel, path: Path, name: str) -> nn.Module:
    """The model with the weights and the names of a checkpoint."""
    fill(model, stored.weights, path, f"ultralytics:{name}")
    for where, module in model.named_modules():
        if where in stored.eps:
            vars(module)["eps"] = stored.eps[where]
    if stored.names:
        vars(model)["names"] = stored.names
    return model


@cache
def _downloaded(name: str) -> Path:
    """The file of a model that ultralytics publishes, fetched once."""
    import inspect

    from ultralytics.utils.downloads import attempt_download_asset

    kept = Path(torch.hub.get_dir(), "checkpoints", name)
    release = inspect.signature(attempt_download_asset).parameters["release"].default
    url = f"{_RELEASES}/{release}/{name}"
    if not kept.is_file():
        with downloading(f"ultralytics:{name}", url):
            kept.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(kept), progress=False)
    return kept
