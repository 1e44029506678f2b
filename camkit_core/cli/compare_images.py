"""What `camkit compare` does: all images as one batch, judged, and the report written."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from ..engine import compare
from ..errors import CamkitError, CamkitWarning, InputError, PathError, RunError
from ..image import pixel_limit
from ..inputs.models.load import LoadedModel
from ..inputs.models.preprocessing import Picture
from ..metrics.configured_metric import configure_metrics
from ..metrics.judging.judgement import Judgement
from ..metrics.judging.report.page import save
from ..metrics.judging.report.record import record
from ..metrics.judging.verdict import verdict
from ..probe.further.configured_method import configure
from ..results.explanation import Explanation
from ..results.whole_files import write_whole
from .common.answers import json_text, put, put_json
from .common.arguments import METRICS, WITHOUT_PROBABILITIES, split_list
from .common.failures import Failures
from .common.messages import say_above_bar
from .common.model import load, preparation, to_device_of
from .common.questions import expanded, questions
from .common.request import CompareRequest
from .common.shell_words import noted_for_the_shell
from .common.targets import known_names, names_for
from .common.unexpected import named


def judge_images(
    request: CompareRequest, report: Path, paths: Sequence[Path], failures: Failures
) -> int:
    """Judge the methods on every image that can be read; 0 if that was all of them, else 1.

    Args:
        request: what is asked for.
        report: the file to write.
        paths: of the images.
        failures: those that were no pictures at a first look.

    Raises:
        CamkitError: for how the command was called, noticed before the model is loaded where
            possible, and for what the model raises.
    """
    configure(request.methods, request.options)
    configure_metrics(request.metrics or split_list(METRICS))
    pixel_limit()
    count = len(paths) + len(failures.reasons)
    judgement = _judgement(request, _readable(paths, failures), failures)
    written = _written(judgement, report, request.json, failures)
    return failures.conclude(count) or int(not written)


def _judgement(
    request: CompareRequest, pictures: Mapping[Path, Picture], failures: Failures
) -> Judgement | None:
    """The judgement on all pictures that the model takes; None if there is none."""
    if not pictures:
        return None
    model = load(request.model, request.loading)
    inputs = _inputs(model, pictures, failures)
    if not inputs:
        return None
    images = to_device_of(model.model, torch.stack(list(inputs.values())))
    judgement = _described(_judged(request, model, images), request, model, list(inputs))
    say_above_bar(f"note: {preparation(model)}")
    return judgement


def _inputs(
    model: LoadedModel, pictures: Mapping[Path, Picture], failures: Failures
) -> dict[Path, Tensor]:
    """The model's input of each picture; all have the shape of the first."""
    inputs: dict[Path, Tensor] = {}
    for path, picture in pictures.items():
        made = _input(model, path, picture, failures)
        if made is not None and made.shape == next(iter(inputs.values()), made).shape:
            inputs[path] = made
        elif made is not None:
            before = tuple(next(iter(inputs.values())).shape)
            failures.add(path, _other_shape(tuple(made.shape), before))
    return inputs


def _other_shape(made: tuple[int, ...], before: tuple[int, ...]) -> InputError:
    return InputError(f"the input made of it is {made}, of the images before {before}; pass --size")


def _input(model: LoadedModel, path: Path, picture: Picture, failures: Failures) -> Tensor | None:
    try:
        return model.preprocess(picture)
    except Exception as error:  # noqa: BLE001 - whatever a library's transform raises
        failures.add(path, error)
        return None


def _readable(paths: Sequence[Path], failures: Failures) -> dict[Path, Picture]:
    read = {path: failures.read(path) for path in paths}
    return {path: picture for path, picture in read.items() if picture is not None}


def _metrics(model: LoadedModel) -> list[str]:
    """The metrics where nobody names one; most need a score that is a probability."""
    without = model.task in ("segmentation", "text-image")
    return split_list(WITHOUT_PROBABILITIES if without else METRICS)


def _usual(model: LoadedModel) -> str | None:
    """The target where nobody says which: of a detector, the best box of each image."""
    return "top1" if model.task == "detection" else None


def _judged(request: CompareRequest, model: LoadedModel, images: Tensor) -> Judgement:
    asked = questions(model, request.target or _usual(model), request.texts)
    targets = expanded(asked, model.model, images)
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
                metrics=request.metrics or _metrics(model),
                **request.options,
            )
    except Exception as error:
        if isinstance(error, CamkitError):
            raise
        raise RunError(
            f"the model failed on these images ({named(error)}); it may need another --size"
        ) from error
    assert comparison.judgement is not None  # there are metrics
    return comparison.judgement


def _described(
    judgement: Judgement, request: CompareRequest, model: LoadedModel, paths: Sequence[Path]
) -> Judgement:
    """The judgement with the names of files and classes, and the images the model was given."""
    explanations = next(iter(judgement.explanations.values()))
    shown = [model.picture(image) for image in explanations[0].images]
    return replace(
        judgement,
        names=[
            f"{path.name}, {_class_name(explanation, index, request, model)}"
            for explanation in explanations
            for index, path in enumerate(paths)
        ],
        pictures=shown * len(explanations),
        explanations={
            name: tuple(map(noted_for_the_shell, each))
            for name, each in judgement.explanations.items()
        },
        provenance={
            "model": model.name,
            "weights": model.weights,
            "preprocessing": model.prepared,
            **judgement.provenance,
        },
    )


def _class_name(
    explanation: Explanation, index: int, request: CompareRequest, model: LoadedModel
) -> str:
    if not isinstance(explanation.target, Tensor):
        return replace(explanation, class_names=known_names(model)).describe(index)
    category = int(explanation.target[index])
    names = names_for(explanation, model, request.target)
    return names[category] if names else f"class {category}"


def _written(judgement: Judgement | None, report: Path, as_json: bool, failures: Failures) -> bool:
    """Write the report and print the answer; whether all could be written."""
    written = judgement is not None and _wrote(partial(save, judgement, report))
    lines = [] if judgement is None else [*verdict(judgement), *([report] if written else [])]
    if not as_json:
        for line in lines:
            put(line)
        return written
    document = {} if judgement is None else record(judgement)
    where = str(report) if written else None
    document = {**document, "report": where, "failed": failures.record()}
    beside = judgement is not None and _wrote(
        partial(write_whole, report.with_suffix(".json"), json_text(document))
    )
    put_json(document)
    return written and beside


def _wrote(write: Callable[[], object]) -> bool:
    """Write a file; where that fails, the answer is printed all the same."""
    try:
        write()
    except PathError as error:
        say_above_bar(f"error: {error}")
        return False
    return True
