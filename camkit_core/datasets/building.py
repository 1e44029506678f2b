"""From the arguments of `explain_dataset` to a run."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..errors import ArgumentError, InputTypeError, PathError, shown
from ..inputs.models.class_names import names_in
from ..inputs.models.load import LoadedModel
from ..inputs.models.preprocessing import Preprocessing
from ..inputs.models.sources.carried import preprocessing_in
from ..inputs.models.sources.own_preprocessing import preprocessing_of
from ..inputs.models.tasks import task_of
from ..loading.models import load_model
from ..results.provenance import camkit_version, plain
from . import manifest
from .arrow import arrow
from .explaining.explainer import OF_COMPARE, BatchExplainer
from .explaining.precision import Precise, precise
from .explaining.questions import questions
from .explaining.weights import weights_hash
from .ids import checked_shard
from .job import Job, started_at
from .schema import VERSION
from .sources.found import source_of
from .sources.labels import Labels, labels_of
from .sources.source import Prepare, Source
from .sources.torch_data import is_loader, settings_of

_ON_GPU, _ON_CPU = 64, 16  # images of a batch


@dataclass(frozen=True)
class Asked:
    """The arguments of `explain_dataset`, under their names."""

    model: Any
    source: Any
    output: Path
    method: Any = None
    target: Any = None
    layer: Any = None
    labels: Any = None
    transform: Callable[[Any], Any] | None = None
    batch_size: int | None = None
    workers: int | None = None
    shard: Any = None
    retry_errors: bool = False
    dtype: Any = None
    memory_format: Any = None
    compile: bool | None = None
    shard_rows: int = 10_000
    settings: Mapping[str, Any] = field(default_factory=dict)


def job_of(asked: Asked) -> Job:
    """The run that is asked for; what is not said is as in the run that began in the output.

    Raises:
        CamkitError: for what cannot be used; nothing is explained yet.
    """
    shard = checked_shard(asked.shard)
    _make(asked.output)
    asked = _as_before(asked, manifest.read(asked.output) or {})
    loaded, prepare = _loaded(asked.model, asked.transform)
    source = source_of(asked.source, prepare, asked.output)
    changed = precise(asked.dtype, asked.memory_format, asked.compile)
    device = changed.device(loaded.model)
    explainer = _explainer(asked, loaded, source, changed)
    stated = settings_of(asked.source) if is_loader(asked.source) else {}
    size = asked.batch_size or stated.get("batch_size")
    workers = stated.get("workers") if asked.workers is None else asked.workers
    return Job(
        source,
        explainer,
        asked.output,
        _facts(asked, explainer, source),
        size or (_ON_CPU if device.type == "cpu" else _ON_GPU),
        workers,
        shard,
        asked.retry_errors,
        asked.shard_rows,
    )


def _make(output: Path) -> None:
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PathError(
            f"cannot write to {os.fspath(output)!r} ({error.strerror or error}); give another"
        ) from error


def _as_before(asked: Asked, before: Mapping[str, Any]) -> Asked:
    """The arguments, with those of the run before where none were given."""
    precision = before.get("precision", {})
    usual = {
        "target": before.get("targets"),
        "layer": before.get("layer"),
        "dtype": _unless_own(precision.get("dtype")),
        "memory_format": _unless_own(precision.get("memory_format")),
        "compile": precision.get("compiled"),
    }
    given = {name: value for name, value in usual.items() if getattr(asked, name) is None}
    if asked.method is None:
        given["method"] = before.get("methods", ["gradcam"])
        options = {k: v for own in before.get("options", {}).values() for k, v in own.items()}
        given["settings"] = {**before.get("settings", {}), **options, **asked.settings}
    return replace(asked, **given)


def _unless_own(value: Any) -> Any:
    return None if value == Precise.OWN else value


def _loaded(model: Any, transform: Any) -> tuple[LoadedModel, Prepare | None]:
    """The model, and what makes its input of a picture, where that is known."""
    if isinstance(model, str):
        model = load_model(model, device="cuda" if torch.cuda.is_available() else "cpu")
    if isinstance(model, LoadedModel):
        if transform is not None:
            raise ArgumentError(
                f"{model.name} was loaded with its preprocessing; leave transform= out, or pass "
                f"its model: explain_dataset(loaded.model, ...)"
            )
        return model, model.preprocess
    if not isinstance(model, nn.Module):
        raise InputTypeError(
            f"expected a torch.nn.Module, a model of camkit.load_model(...) or its name, got "
            f"{shown(model)}"
        )
    own = None if transform is None else preprocessing_of(transform, "transform=", "got")
    known = own or preprocessing_in(model)
    done = known or Preprocessing()
    record = {} if known is None else done.record()
    if transform is not None:
        record["transform"] = shown(transform)
    name, names = type(model).__name__, names_in(model)
    loaded = LoadedModel(
        model,
        done.tensor,
        done.picture,
        names,
        name,
        "as given",
        task=task_of(model),
        prepared=record,
    )
    return loaded, None if known is None else done.tensor


def _methods(given: Any) -> list[Any]:
    if isinstance(given, str):
        return [name.strip() for name in given.split(",") if name.strip()]
    return list(dict.fromkeys(given)) if isinstance(given, (list, tuple)) else [given]


def _explainer(
    asked: Asked, loaded: LoadedModel, source: Source, changed: Precise
) -> BatchExplainer:
    layer = asked.layer
    if isinstance(layer, nn.Module):  # a copy of the model has another module of that name
        names = {module: name for name, module in loaded.model.named_modules()}
        layer = names.get(layer, layer)
    names_of_classes = loaded.class_names or names_in(loaded.model)
    labels = Labels(labels_of(asked.labels, source.ids), names_of_classes, source.label_names)
    explainer = BatchExplainer(
        loaded,
        _methods(asked.method),
        questions(loaded, asked.target),
        labels,
        layer,
        dict(asked.settings),
        changed,
    )
    _ = explainer.configured  # a method or an option that is not there is told now
    return explainer


def _facts(asked: Asked, explainer: BatchExplainer, source: Source) -> dict[str, Any]:
    """What the run is, ready for JSON."""
    loaded = explainer.loaded
    settings = {name: plain(v) for name, v in asked.settings.items() if name in OF_COMPARE}
    layer = explainer.layer
    return {
        "schema": VERSION,
        "model": loaded.name,
        "task": loaded.task,
        "weights": loaded.weights,
        "weights_hash": weights_hash(loaded.model),
        "preprocessing": dict(loaded.prepared),
        "methods": [method.name for method in explainer.configured],
        "options": {
            method.name: {name: plain(value) for name, value in method.options.items()}
            for method in explainer.configured
        },
        "targets": [question.name for question in explainer.questions],
        "layer": layer if isinstance(layer, (str, type(None))) else shown(layer),
        "settings": settings,
        "precision": explainer.precise.record(),
        "source": source.record,
        "versions": {
            "camkit": camkit_version(),
            "torch": torch.__version__,
            "pyarrow": arrow.__version__,
            "python": platform.python_version(),
        },
        "began": started_at(),
    }
