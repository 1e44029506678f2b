"""What `camkit explain` does: image by image, one comparison each, one file a picture."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ..engine import compare
from ..errors import CamkitError, CamkitWarning, InputError, TargetError
from ..forward.chunks import bar as progress
from ..image import pixel_limit
from ..inputs.models.load import LoadedModel
from ..inputs.models.preprocessing import Picture
from ..loading.handed import hand_in
from ..loading.pictures import Photo
from ..probe.further.configured_method import configure
from ..results.explanation import Explanation
from ..results.provenance import camkit_version
from .common.answers import OutputLostError, put_above_bar, put_json
from .common.failures import Failures
from .common.files import FileNames
from .common.messages import say_above_bar, visible
from .common.model import load, preparation
from .common.notes import Notes
from .common.output import Output
from .common.pictures import Pictures
from .common.questions import BestBoxes, expanded, questions
from .common.request import ExplainRequest
from .common.shell_words import noted_for_the_shell
from .common.stdin import stem_of
from .common.targets import names_for


def explain_images(
    request: ExplainRequest, output: Output, paths: Sequence[Path], failures: Failures
) -> int:
    """Explain every image that can be read; 0 if that was all of them, else 1.

    Args:
        request: what is asked for.
        output: where the pictures go.
        paths: of the images.
        failures: those that were no pictures at a first look.

    Raises:
        CamkitError: for what would fail in the same way for every image; most of it is noticed
            before the model is loaded.
    """
    configure(request.methods, request.options)
    renderer = None if request.renderer == "raw" else request.renderer
    pixel_limit()
    pictures = Pictures(output, renderer, request.json, request.drawn_on)
    explainer = _ImageExplainer(request, pictures, failures)
    images = len(paths) + len(failures.reasons)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CamkitWarning)  # they are among the notes, too
        try:
            for path in paths if len(paths) == 1 else progress(paths, unit="image"):
                explainer.explain(path)
        except BaseException:
            explainer.say_notes()
            if explainer.records:
                explainer.print_json()  # what was written before is there
            raise
    explainer.say_notes()
    explainer.print_json()
    return failures.conclude(images)


class _ImageExplainer:
    """Explains image by image; keeps the model, what was written, and what failed."""

    def __init__(self, request: ExplainRequest, pictures: Pictures, failures: Failures) -> None:
        self.request = request
        self.stems = FileNames()
        self.pictures = pictures
        self.records: list[dict[str, Any]] = []
        self.failures = failures
        self.notes = Notes()

    @cached_property
    def model(self) -> LoadedModel:
        """The model, loaded for the first image that can be read."""
        return load(self.request.model, self.request.loading)

    @cached_property
    def targets(self) -> list[Any]:
        asked = questions(self.model, self.request.target, self.request.texts)
        count = sum(each.count if isinstance(each, BestBoxes) else 1 for each in asked)
        self.pictures.output.refuse_several(count * len(self.request.methods), "pictures")
        return asked

    def explain(self, path: Path) -> None:
        """Explain one image; an error that concerns this image alone is noted as its failure."""
        stem = self.stems.unused(stem_of(path))
        picture = self.failures.read(path)
        if picture is None:
            return
        targets = self.targets  # loads the model; its errors are not failures of the image
        try:
            self._explain(path, stem, picture, targets)
        except OutputLostError:
            raise  # nobody reads the answers any more
        except Exception as error:
            # What a model does not find in one image, it may find in the next.
            finds = self.model.task in ("detection", "segmentation")
            own = (InputError, TargetError) if finds else InputError
            expected = isinstance(error, CamkitError) and not isinstance(error, own)
            if expected and not self.records:
                raise  # it would be the same for every image
            self.failures.add(path, error)

    def _explain(self, path: Path, stem: str, picture: Picture, targets: list[Any]) -> None:
        model, request = self.model, self.request
        handed = hand_in(model, [Photo(picture, path.name)])
        comparison = compare(
            handed.model,
            handed.images,
            request.methods,
            expanded(targets, handed.model, handed.images),
            request.layers or None,
            output=request.model_output,
            **{**request.options, **request.settings, "batch_size": request.batch_size},
        )
        for explanation in _without_repeats(comparison):
            names = names_for(explanation, model, request.target)
            noted = noted_for_the_shell(handed.explanation(explanation))
            described = replace(noted, class_names=names)
            record = self.pictures.write(stem, described)
            self._report({**record, "image": str(path)}, described)

    def _report(self, record: dict[str, Any], explanation: Explanation) -> None:
        self.records.append(record)
        what, image = explanation.describe(0), visible(record["image"])
        for note in explanation.notes:
            self.notes.add(note.removeprefix("image 0: "), image, explanation.method, what)
        if not self.request.json:
            put_above_bar(f"{image}  {what}  {explanation.method}  {record['picture']}")

    def say_notes(self) -> None:
        """Print how the pictures were prepared, and the notes on their explanations."""
        if self.records:
            say_above_bar(f"note: {preparation(self.model)}")
        self.notes.say()

    def print_json(self) -> None:
        """Print the JSON document, if `--json` asks for it."""
        if self.request.json:
            document = {
                "camkit": camkit_version(),
                "explanations": self.records,
                "failed": self.failures.record(),
            }
            put_json(document)


def _without_repeats(explanations: Iterable[Explanation]) -> list[Explanation]:
    """The explanations, each method and class once: `--target 3,top5` may name a class twice."""
    by_method_and_class = {
        (explanation.method, explanation.describe()): explanation for explanation in explanations
    }
    return list(by_method_and_class.values())
