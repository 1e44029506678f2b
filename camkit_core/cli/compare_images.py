"""What `camkit compare` does: all images as one batch, judged, and the report written."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ..engine import compare
from ..errors import CamkitError, CamkitWarning
from ..inputs.models import LoadedModel, check_class_names
from ..inputs.models.preprocessing import Picture
from ..metrics.configured_metric import configure_metrics
from ..metrics.judging.judgement import Judgement
from ..metrics.judging.report.page import save
from ..metrics.judging.report.record import record
from ..metrics.judging.verdict import verdict
from ..results.configured_method import configure
from ..results.explanation import Explanation
from .common.failures import Failures
from .common.files import atomically, image_files, writable_folder
from .common.model import load, to_device_of
from .common.request import Request
from .common.targets import find_targets, with_ranks


@dataclass(frozen=True)
class CompareRequest(Request):
    """What `camkit compare` is asked for.

    Attributes:
        metrics: names of metrics.
    """

    metrics: Sequence[str]


def judge_images(request: CompareRequest) -> int:
    """Judge the methods on every image that can be read; 0 if that was all of them, else 1.

    Raises:
        CamkitError: for how the command was called, noticed before the model is loaded where
            possible, and for what the model raises.
    """
    configure(request.methods, request.options)
    configure_metrics(request.metrics)
    report = _report_file(request.output)
    paths, failures = image_files(request.images), Failures()
    pictures = _readable(paths, failures)
    if pictures:
        model = load(request.model, request.loading)
        inputs = [model.preprocess(picture) for picture in pictures.values()]
        images = to_device_of(model.model, torch.stack(inputs))
        judgement = _described(_judged(request, model, images), model, list(pictures))
        _write(judgement, report, request.json, failures)
    return failures.conclude(len(paths))


def _report_file(output: str) -> Path:
    path = Path(output)
    if path.suffix.lower() not in (".html", ".htm"):
        raise CamkitError(f"expected a report that ends in .html, got --output {output!r}")
    return writable_folder(str(path.parent)) / path.name


def _readable(paths: Sequence[Path], failures: Failures) -> dict[Path, Picture]:
    read = {path: failures.read(path) for path in paths}
    return {path: picture for path, picture in read.items() if picture is not None}


def _judged(request: CompareRequest, model: LoadedModel, images: Tensor) -> Judgement:
    targets = with_ranks(find_targets(request.target, model.class_names))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CamkitWarning)  # they are among the notes, too
            comparison = compare(
                model.model,
                images,
                request.methods,
                targets,
                request.layers or None,
                output=request.model_output,
                batch_size=request.batch_size,
                metrics=request.metrics,
                **request.options,
            )
    except Exception as error:
        if isinstance(error, (CamkitError, BrokenPipeError)):
            raise
        raise CamkitError(
            f"the model failed on these images ({type(error).__name__}: {error}); it may need "
            f"another --size"
        ) from error
    assert comparison.judgement is not None  # there are metrics
    return comparison.judgement


def _described(judgement: Judgement, model: LoadedModel, paths: Sequence[Path]) -> Judgement:
    """The judgement with the names of files and classes, and the images the model was given."""
    explanations = next(iter(judgement.explanations.values()))
    shown = [model.picture(image) for image in explanations[0].images]
    return replace(
        judgement,
        names=[
            f"{path.name}, {_class_name(explanation, index, model)}"
            for explanation in explanations
            for index, path in enumerate(paths)
        ],
        pictures=shown * len(explanations),
        provenance={"model": model.name, "weights": model.weights, **judgement.provenance},
    )


def _class_name(explanation: Explanation, index: int, model: LoadedModel) -> str:
    category, names = int(torch.as_tensor(explanation.target)[index]), model.class_names
    if names is None:
        return f"class {category}"
    if explanation.logits is not None:
        check_class_names(names, explanation.logits.shape[1])
    return names[category]


def _write(judgement: Judgement, report: Path, as_json: bool, failures: Failures) -> None:
    with atomically(report) as temporary:
        save(judgement, temporary)
    if not as_json:
        sys.stdout.write("".join(f"{line}\n" for line in (*verdict(judgement), report)))
        return
    document = {**record(judgement), "report": str(report), "failed": failures.record()}
    text = json.dumps(document, indent=2, allow_nan=False) + "\n"
    with atomically(report.with_suffix(".json")) as temporary:
        temporary.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
