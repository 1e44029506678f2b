"""Checkpoints of ultralytics: settings, names and weights read from the pickle, which is not run.

Such a file holds the whole model as a Python object. Its weights are taken out of what the object
would be made of, and loaded into a model that is built from its settings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....errors import FileError
from ..checkpoints import Weights, reading
from ..formats import format_of
from ..inert import Noted
from ..stored import stored_tensor
from ..torch_files import read_legacy, read_zip

_DEEPEST = 100


@dataclass(frozen=True)
class StoredModel:
    """A model in a checkpoint of ultralytics.

    Attributes:
        settings: what its `yaml` was: the architecture.
        names: of its classes, by number; {} if there are none.
        weights: parameters and buffers by their names.
        image_size: that it was trained for; None if it is not said.
        eps: of each normalisation, by its module's name; the library sets it in various ways.
    """

    settings: dict[str, Any]
    names: dict[int, str]
    weights: Weights
    image_size: int | None
    eps: dict[str, float]


def read_model(path: Path) -> StoredModel:
    """The model in a checkpoint of ultralytics; nothing in the file is run.

    Raises:
        FileError: if the file is damaged, or another one.
    """
    with reading(path):
        content, read = (read_zip if format_of(path) == "zip" else read_legacy)(path)
        state = getattr(_model_in(content), "state", None)
        if not isinstance(state, dict) or not isinstance(state.get("yaml"), dict):
            raise FileError(
                f"{path.name} is no checkpoint of ultralytics: it holds no model with settings; "
                f"weights alone go with a model's name: --model ultralytics:yolo11n.yaml "
                f"--weights {path}"
            )
        states = dict(_states(state))
        weights = {
            name: tensor
            for where, inner in states.items()
            for name, value in _tensors_of(inner, where)
            if (tensor := stored_tensor(value, read)) is not None
        }
    eps = {name: value for name, each in states.items() if type(value := each.get("eps")) is float}
    return StoredModel(state["yaml"], _names(state), weights, _image_size(content), eps)


def _model_in(content: Any) -> Any:
    """The model that ultralytics takes: the average of the weights, where there is one."""
    held = content if isinstance(content, dict) else {}
    return next((held[key] for key in ("ema", "model") if held.get(key) is not None), None)


def _states(
    state: dict[str, Any], name: str = "", depth: int = 0
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The states of a module and of those inside it, by the modules' names."""
    yield name, state
    if depth == _DEEPEST:
        raise ValueError("modules too deep inside each other")
    for part, module in _items(state.get("_modules")):
        inner = getattr(module, "state", None)
        if isinstance(inner, dict):
            yield from _states(inner, f"{name}.{part}" if name else part, depth + 1)


def _tensors_of(state: dict[str, Any], module: str) -> Iterator[tuple[str, Any]]:
    """The parameters and the persistent buffers of one module, by their names."""
    left_out = set(_listed(state.get("_non_persistent_buffers_set")))
    for table in ("_parameters", "_buffers"):
        for name, value in _items(state.get(table)):
            if value is not None and name not in left_out:
                yield f"{module}.{name}" if module else name, value


def _items(table: Any) -> list[tuple[str, Any]]:
    return [item for item in table.items() if isinstance(item[0], str)] if table else []


def _listed(values: Any) -> list[str]:
    if isinstance(values, Noted):  # a set, as older protocols write it
        values = values.args[0] if values.args else ()
    return [value for value in values or () if isinstance(value, str)]


def _names(state: dict[str, Any]) -> dict[int, str]:
    names = state.get("names")
    if isinstance(names, list):
        names = dict(enumerate(names))
    items = names.items() if isinstance(names, dict) else ()
    return {key: name for key, name in items if type(key) is int and isinstance(name, str)}


def _image_size(content: dict[str, Any]) -> int | None:
    arguments = content.get("train_args")
    size = arguments.get("imgsz") if isinstance(arguments, dict) else None
    return size if type(size) is int and 32 <= size <= 10_000 else None
