"""What `camkit explain` does: image by image, one comparison each, every picture to its file."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from ..engine import compare
from ..errors import CamkitError, CamkitWarning, InputError
from ..image import read_image
from ..inputs.models import LoadedModel, check_class_names
from ..inputs.models.preprocessing import Picture
from ..plugins import get_registry
from ..results.explanation import Explanation
from ..results.methods import configure
from ..results.provenance import camkit_version
from .class_names import Top, find_targets
from .common import Failures, asked, loaded, placed, tell
from .files import FileNames, image_files, writable_folder
from .output import Pictures


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line.

    Attributes:
        images: files and folders.
        model: the model's name.
        loading: the other arguments of `load_model`.
        methods: names of methods.
        target: classes, as `find_targets` reads them.
        layers: dotted names; none for the adapter's choice.
        settings: arguments of `compare`.
        options: those of the methods.
        renderer: name of a renderer.
        output: the folder to write to.
        json: whether to write JSON, to stdout and beside each picture.
    """

    images: Sequence[str]
    model: str
    loading: Mapping[str, Any]
    methods: Sequence[str]
    target: str
    layers: Sequence[str]
    settings: Mapping[str, Any]
    options: Mapping[str, Any]
    renderer: str
    output: str
    json: bool


def explain_images(request: Request) -> int:
    """Explain every image that can be read; 0 if that was all of them, else 1.

    Raises:
        CamkitError: for what would fail in the same way for every image; most of it is found
            before the model is loaded.
    """
    configure(request.methods, request.options)
    raw = request.renderer == "raw"
    if not raw:
        get_registry().find("renderer", request.renderer)
    paths = image_files(request.images)
    folder = writable_folder(request.output)
    run = _Run(request, Pictures(folder, None if raw else request.renderer, request.json))
    alone = True if len(paths) == 1 else None  # None: if nobody watches
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CamkitWarning)  # they are among the notes, too
        for path in tqdm(paths, unit="image", delay=2, leave=False, disable=alone):
            run.try_to_explain(path)
    return run.conclude(len(paths))


class _Run:
    """One run of the command: its model, loaded for the first readable image, and its results."""

    def __init__(self, request: Request, pictures: Pictures) -> None:
        self.request = request
        self.stems = FileNames()
        self.pictures = pictures
        self.records: list[dict[str, Any]] = []
        self.failures = Failures()

    @cached_property
    def model(self) -> LoadedModel:
        return loaded(self.request.model, self.request.loading)

    @cached_property
    def targets(self) -> tuple[int | Top, ...]:
        return find_targets(self.request.target, self.model.class_names)

    def try_to_explain(self, path: Path) -> None:
        """Explain one image; what concerns it alone is noted as its failure."""
        stem = self.stems.unused(path.stem)
        try:
            picture = read_image(path)
        except (InputError, OSError) as error:
            return self.failures.add(path, error)
        targets = self.targets  # loads the model: what fails here is not the image's fault
        try:
            self._explain(path, stem, picture, targets)
        except BrokenPipeError:
            raise  # nobody reads the answers any more
        except Exception as error:
            if isinstance(error, CamkitError) and not isinstance(error, InputError):
                raise  # it would be the same for every image
            self.failures.add(path, error)

    def _explain(
        self, path: Path, stem: str, picture: Picture, targets: Sequence[int | Top]
    ) -> None:
        model, request = self.model, self.request
        images = placed(model.preprocess(picture)[None], model.model)
        found = compare(
            model.model,
            images,
            request.methods,
            asked(targets),
            request.layers or None,
            **{**request.options, **request.settings},
        )
        seen = model.picture(images[0])
        for explanation in _different(found):
            named = self._named(path, explanation)
            record = self.pictures.write(stem, named, seen)
            self._report({**record, "image": str(path)}, named)

    def _named(self, path: Path, explanation: Explanation) -> Explanation:
        names, logits = self.model.class_names, explanation.logits
        if names is not None and logits is not None:
            check_class_names(names, logits.shape[1])
        origin = {"image": path.name, "model": self.model.name, "weights": self.model.weights}
        provenance = {**origin, **explanation.provenance}
        return replace(explanation, class_names=names, provenance=provenance)

    def _report(self, record: dict[str, Any], explanation: Explanation) -> None:
        self.records.append(record)
        shown, image = explanation.describe(0), record["image"]
        for note in explanation.notes:
            tell(f"note: {image}, {explanation.method}, {shown}: {note.removeprefix('image 0: ')}")
        if not self.request.json:
            line = f"{image}  {shown}  {explanation.method}  {record['picture']}"
            tqdm.write(line, file=sys.stdout)

    def conclude(self, images: int) -> int:
        """Print the JSON document, if asked for, and a summary of what failed; the exit code."""
        if self.request.json:
            document = {
                "camkit": camkit_version(),
                "explanations": self.records,
                "failed": self.failures.record(),
            }
            sys.stdout.write(json.dumps(document, indent=2) + "\n")
        return self.failures.conclude(images)


def _different(found: Iterable[Explanation]) -> list[Explanation]:
    """The explanations without those of a class that was asked for twice, as by `3,top5`."""
    return list({(one.method, int(torch.as_tensor(one.target)[0])): one for one in found}.values())
