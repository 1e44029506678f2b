"""The request of a command line: the fields that `explain` and `compare` share, and their own."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .arguments import LOADING, parse_option
from .image_files import Asked


@dataclass(frozen=True)
class Request:
    """What a command line asks for; each command adds fields of its own.

    Attributes:
        asked: the pictures that are named.
        model: the model's name.
        loading: the other arguments of `load_model`.
        methods: names of methods.
        target: classes or boxes, as `questions` reads them; None for the usual ones.
        texts: what a model of texts and images is to look for.
        layers: dotted names; none for the adapter's choice.
        model_output: the part of the model's output that is explained; None for all of it.
        batch_size: rows in one run; None chooses.
        options: those of the methods.
        output: the file or folder to write to.
        json: whether to write JSON, to stdout and beside what is written.
    """

    asked: Asked
    model: str
    loading: Mapping[str, Any]
    methods: Sequence[str]
    target: str | None
    texts: Sequence[str]
    layers: Sequence[str]
    model_output: str | int | None
    batch_size: int | None
    options: Mapping[str, Any]
    output: str
    json: bool


@dataclass(frozen=True)
class ExplainRequest(Request):
    """What `camkit explain` is asked for.

    Attributes:
        settings: further arguments of `compare`.
        renderer: name of a renderer, or "raw".
        drawn_on: "original" or "input": what the pictures are drawn on.
    """

    settings: Mapping[str, Any]
    renderer: str
    drawn_on: str


@dataclass(frozen=True)
class CompareRequest(Request):
    """What `camkit compare` is asked for.

    Attributes:
        metrics: names of metrics; None for those that the model's task allows.
    """

    metrics: Sequence[str] | None


def shared_fields(arguments: argparse.Namespace) -> dict[str, Any]:
    """The fields of `Request` by name, from what argparse read."""
    return {
        "asked": Asked(arguments.images, arguments.files_from, arguments.recursive),
        "model": arguments.model,
        "loading": {name: getattr(arguments, name) for name in LOADING},
        "methods": arguments.method,
        "target": arguments.target,
        "texts": arguments.text,
        "layers": arguments.layer or (),
        "model_output": arguments.model_output,
        "batch_size": arguments.batch_size,
        "options": dict(map(parse_option, arguments.set)),
        "output": arguments.output,
        "json": arguments.json,
    }
