"""Settings of ultralytics: which architecture they are, and that they are nothing else.

ultralytics evaluates some of them as Python. Settings may come from a file that nobody trusts, so
what is more than the name of a layer is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from torch import nn

from ....errors import CamkitError, FileError, InputError, shown

_CLASSES = {  # by what ultralytics calls a task
    "detect": "DetectionModel",
    "segment": "SegmentationModel",
    "pose": "PoseModel",
    "obb": "OBBModel",
    "classify": "ClassificationModel",
    "rtdetr": "RTDETRDetectionModel",
}
_HEADS_WITH_TEXT = ("World", "YOLOE")  # their classes are words that another model reads
_PLAIN_ACTIVATION = re.compile(r"(torch\.)?nn\.\w+\((\s*\w+\s*=\s*[\w.+-]+\s*,?)*\)")


def settings_in(tasks: Any, path: Path) -> dict[str, Any]:
    """The settings in a file .yaml, of the user or of the library."""
    try:
        if "://" in str(path) or ":/" in str(path):
            raise FileNotFoundError(2, "it is an address, and no file")
        found: dict[str, Any] = tasks.yaml_model_load(path)
    except Exception as error:
        reason = shorten(f"{getattr(error, 'strerror', None) or error}", 200, placeholder=" ...")
        raise FileError(
            f"the settings {shown(str(path))} cannot be read ({reason}); expected a file .yaml of "
            f"an architecture, your own or one of ultralytics, as yolo11n.yaml"
        ) from error
    return found


def class_by(tasks: Any, settings: dict[str, Any]) -> tuple[Callable[..., nn.Module], str]:
    """The class that builds a model of these settings, and its task as ultralytics calls it.

    What ultralytics would evaluate as Python is refused, and so is what is no layer.
    """
    activation = settings.get("activation")
    if activation is not None and not _PLAIN_ACTIVATION.fullmatch(str(activation)):
        raise no_architecture(f"the activation {shown(activation)} is no layer of torch.nn")
    try:
        rows = [*settings["backbone"], *settings["head"]]
        for row in rows:
            _check_layer(tasks, row[2])
        task = _task(tasks, settings)
    except CamkitError:
        raise
    except Exception as error:
        raise no_architecture(error) from error
    if task not in _CLASSES:
        raise InputError(f"ultralytics' task {shown(task)} is none of {', '.join(_CLASSES)}")
    return getattr(tasks, _CLASSES[task]), task


def _task(tasks: Any, settings: dict[str, Any]) -> str:
    """The task as ultralytics calls it, and "rtdetr" for that detector, which has its own class."""
    head = str(settings["head"][-1][2])
    if head.startswith(_HEADS_WITH_TEXT):
        raise InputError(
            f"a model with the head {head} reads its classes as words, which ultralytics has to "
            f"set first: load it in a function of your own (model.set_classes([...])), and give "
            f"--model package.module:factory"
        )
    return "rtdetr" if head == "RTDETRDecoder" else str(tasks.guess_model_task(settings))


def _check_layer(tasks: Any, name: Any) -> None:
    """Raise InputError unless this names a layer of torch.nn or of ultralytics."""
    text = str(name)
    place, _, plain = text.rpartition(".")
    found = getattr(torch.nn, plain, None) if place in ("nn", "torch.nn") else None
    found = getattr(tasks, text, None) if not place else found
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise no_architecture(f"{shown(name)} is no layer of torch.nn or of ultralytics")


def no_architecture(error: object) -> InputError:
    """The error for settings that build no model, and why."""
    reason = shorten(str(error) or type(error).__name__, 200, placeholder=" ...")
    return InputError(f"these settings are no architecture that ultralytics builds: {reason}")
