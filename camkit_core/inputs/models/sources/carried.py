"""The preprocessing that a model carries with it, or that stands beside its weights."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from torch import nn

from ..class_names import inner_modules
from ..preprocessing import Preprocessing


def preprocessing_in(model: nn.Module) -> Preprocessing | None:
    """The preprocessing that a model carries; None if it carries none.

    It is read from `pretrained_cfg` (timm), from the image processor in the folder that a model
    of transformers was loaded from, and from the task of a model of ultralytics. A module that
    holds one other and nothing else has that of the other; with anything else in it, such as a
    normalisation, it may prepare pictures itself.

    Args:
        model: any model.

    Example:
        >>> prepare = preprocessing_in(model)                            # doctest: +SKIP
        >>> e = explain(model, prepare.tensor(picture)[None])            # doctest: +SKIP
        >>> e.render(image=prepare.picture(e.images[0]))                 # doctest: +SKIP
    """
    for module in inner_modules(model):
        for read in (_of_timm, _of_transformers, _of_ultralytics):
            if found := read(module):
                return found
        if len(list(module.children())) != 1 or any(True for _ in module.buffers(recurse=False)):
            return None
    return None


def _is_of(module: nn.Module, library: str) -> bool:
    return any(kind.__module__.partition(".")[0] == library for kind in type(module).__mro__)


def _of_timm(module: nn.Module) -> Preprocessing | None:
    settings = vars(module).get("pretrained_cfg")
    if not isinstance(settings, Mapping) or not _is_of(module, "timm"):
        return None
    from .timm_models import preprocessing_by

    return preprocessing_by(settings)


def _of_transformers(module: nn.Module) -> Preprocessing | None:
    config = vars(module).get("config")
    name = getattr(config, "_name_or_path", None)
    if not isinstance(name, str) or not name or not _is_of(module, "transformers"):
        return None
    folder = _folder_of_processor(name, getattr(config, "_commit_hash", None))
    if folder is None:
        return None
    from transformers import AutoImageProcessor

    from .image_processors import preprocessing_by

    processor: Any = AutoImageProcessor
    return preprocessing_by(processor.from_pretrained(folder, trust_remote_code=False))


def _folder_of_processor(name: str, version: str | None) -> str | None:
    """The folder with the image processor of a model: its own, or in the cache of the hub."""
    for file in _PROCESSORS:
        if Path(name, file).is_file():
            return name
        with suppress(ValueError):  # it can be no name on the hub
            from huggingface_hub import try_to_load_from_cache

            cached = try_to_load_from_cache(name, file, revision=version)
            if isinstance(cached, str):
                return str(Path(cached).parent)
    return None


_PROCESSORS = ("preprocessor_config.json", "processor_config.json")


def _of_ultralytics(module: nn.Module) -> Preprocessing | None:
    if not _is_of(module, "ultralytics") or "yaml" not in vars(module):
        return None
    from ultralytics.nn import tasks

    from .ultralytics_models import preprocessing_by

    rtdetr = isinstance(module, tasks.RTDETRDetectionModel)
    task = "rtdetr" if rtdetr else str(tasks.guess_model_task(module))  # type: ignore[no-untyped-call]
    stride = int(max(getattr(module, "stride", [32])))
    return preprocessing_by(task, stride=stride)
