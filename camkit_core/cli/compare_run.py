"""What `camkit compare` does: all images as one batch, judged, and the report written."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..engine import compare
from ..errors import CamkitError, CamkitWarning, InputError
from ..image import read_image
from ..inputs.models import LoadedModel, check_class_names
from ..inputs.models.preprocessing import Picture
from ..metrics.judging.judge import configure_metrics
from ..metrics.judging.judgement import Judgement
from ..metrics.judging.report.page import save
from ..metrics.judging.report.record import record
from ..metrics.judging.verdict import verdict
from ..results.explanation import Explanation
from ..results.methods import configure
from .class_names import find_targets
from .common import Failures, asked, loaded, placed
from .files import atomically, image_files, writable_folder


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line.

    Attributes:
        images: files and folders.
        model: the model's name.
        loading: the other arguments of `load_model`.
        methods: names of methods.
        metrics: names of metrics.
        target: classes, as `find_targets` reads them.
        layers: dotted names; none for the adapter's choice.
        batch_size: rows in one run; None chooses.
        options: those of the methods.
        output: the file to write the report to.
        json: whether to print JSON, and write it beside the report.
    """

    images: Sequence[str]
    model: str
    loading: Mapping[str, Any]
    methods: Sequence[str]
    metrics: Sequence[str]
    target: str
    layers: Sequence[str]
    batch_size: int | None
    options: Mapping[str, Any]
    output: str
    json: bool


def judge_images(request: Request) -> int:
    """Judge the methods on every image that can be read; 0 if that was all of them, else 1.

    Raises:
        CamkitError: for how the command was called, most of it found before the model is loaded,
            and for what the model raises.
    """
    configure(request.methods, request.options)
    configure_metrics(request.metrics)
    report = _report_file(request.output)
    paths, failures = image_files(request.images), Failures()
    pictures = _readable(paths, failures)
    if pictures:
        model = loaded(request.model, request.loading)
        inputs = [model.preprocess(picture) for picture in pictures.values()]
        images = placed(torch.stack(inputs), model.model)
        judgement = _described(_judged(request, model, images), model, list(pictures))
        _write(judgement, report, request.json, failures)
    return failures.conclude(len(paths))


def _report_file(output: str) -> Path:
    path = Path(output)
    if path.suffix.lower() not in (".html", ".htm"):
        raise CamkitError(f"expected a report that ends in .html, got --output {output!r}")
    return writable_folder(str(path.parent)) / path.name


def _readable(paths: Sequence[Path], failures: Failures) -> dict[Path, Picture]:
    read = {path: _read(path, failures) for path in paths}
    return {path: picture for path, picture in read.items() if picture is not None}


def _read(path: Path, failures: Failures) -> Picture | None:
    try:
        return read_image(path)
    except (InputError, OSError) as error:
        failures.add(path, error)
        return None


def _judged(request: Request, model: LoadedModel, images: Tensor) -> Judgement:
    targets = asked(find_targets(request.target, model.class_names))
    settings: dict[str, Any] = {"batch_size": request.batch_size, "metrics": request.metrics}
    layers = request.layers or None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CamkitWarning)  # they are among the notes, too
            found = compare(
                model.model, images, request.methods, targets, layers, **request.options, **settings
            )
    except Exception as error:
        if isinstance(error, (CamkitError, BrokenPipeError)):
            raise
        raise CamkitError(
            f"the model failed on these images ({type(error).__name__}: {error}); it may need "
            f"another --size"
        ) from error
    assert found.judgement is not None  # there are metrics
    return found.judgement


def _described(judgement: Judgement, model: LoadedModel, paths: Sequence[Path]) -> Judgement:
    """The judgement with the files' and classes' names, and the pictures the model saw."""
    explanations = next(iter(judgement.explanations.values()))
    seen = [model.picture(image) for image in explanations[0].images]
    return replace(
        judgement,
        names=[
            f"{path.name}, {_class_name(one, index, model)}"
            for one in explanations
            for index, path in enumerate(paths)
        ],
        pictures=seen * len(explanations),
        provenance={"model": model.name, "weights": model.weights, **judgement.provenance},
    )


def _class_name(explanation: Explanation, index: int, model: LoadedModel) -> str:
    category, names = int(torch.as_tensor(explanation.target)[index]), model.class_names
    if names is None:
        return f"class {category}"
    if explanation.logits is not None:
        check_class_names(names, explanation.logits.shape[1])
    return names[category]


def _write(judgement: Judgement, report: Path, as_data: bool, failures: Failures) -> None:
    with atomically(report) as temporary:
        save(judgement, temporary)
    if not as_data:
        sys.stdout.write("".join(f"{line}\n" for line in (*verdict(judgement), report)))
        return
    document = {**record(judgement), "report": str(report), "failed": failures.record()}
    text = json.dumps(document, indent=2, allow_nan=False) + "\n"
    with atomically(report.with_suffix(".json")) as temporary:
        temporary.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
