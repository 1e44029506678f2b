"""The task of a model, by its class."""

from __future__ import annotations

from torch import nn

from .class_names import inner_modules

_ENDINGS = {
    "ForImageClassification": "classification",
    "ForImageClassificationWithTeacher": "classification",
    "ForObjectDetection": "detection",
    "ForSemanticSegmentation": "segmentation",
}
_PATHS = {
    "torchvision.models.detection.": "detection",
    "torchvision.models.segmentation.": "segmentation",
    "ultralytics.nn.tasks.ClassificationModel": "classification",
    "ultralytics.nn.tasks.DetectionModel": "detection",
    "open_clip.model.": "text-image",
}


def task_of(model: nn.Module) -> str:
    """ "classification", "detection", "segmentation" or "text-image"; "" for any other class.

    A module that only wraps one other has the task of the other.
    """
    tasks = (task_of_class(type(module)) for module in inner_modules(model))
    return next(filter(None, tasks), "")


def task_of_class(kind: type) -> str:
    """The task of the models of a class."""
    for each in kind.__mro__:
        path = f"{each.__module__}.{each.__qualname__}"
        if path.startswith("transformers."):
            return _of_transformers(kind)
        if found := next((task for start, task in _PATHS.items() if path.startswith(start)), ""):
            return found
    return ""


def _of_transformers(kind: type) -> str:
    if hasattr(kind, "get_image_features") and hasattr(kind, "get_text_features"):
        return "text-image"
    return next((task for end, task in _ENDINGS.items() if kind.__name__.endswith(end)), "")
