"""A batch of images explained, as rows of the table: the one function behind every engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from time import perf_counter
from typing import Any

from ...comparison import Comparison
from ...engine import compare
from ...errors import CamkitError, InputError, RunError, TargetError, quietly
from ...forward.chunks import Halving, out_of_memory, without_bars
from ...inputs.models.load import LoadedModel
from ...probe.further.configured_method import ConfiguredMethod, configure
from ...results.explanation import Explanation
from ..codes import codes_of
from ..sources.batches import Batch, Unread, said
from ..sources.labels import Labels
from .heap import Heap
from .precision import Precise
from .questions import LABEL, Question
from .rows import explained_rows, failed_rows, joined, side_by_side


@dataclass(eq=False)
class BatchExplainer:
    """Explains batch by batch; keeps what the files' metadata says of the rows.

    Attributes:
        loaded: the model, on its device.
        methods: names or functions.
        questions: the targets.
        labels: the true classes.
        layer: as `compare` takes it.
        settings: further arguments of `compare`, and the methods' options.
        precise: the model in the precision that was asked for.
        sentences: the sentence of each code of a note so far.
        seen: whether any image was explained.
    """

    loaded: LoadedModel
    methods: Sequence[Any]
    questions: Sequence[Question]
    labels: Labels
    layer: Any = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    precise: Precise = field(default_factory=Precise)
    sentences: dict[str, str] = field(default_factory=dict)
    seen: bool = False

    def __post_init__(self) -> None:
        self._whole = Halving(self._explained)
        self._heap = Heap()

    @cached_property
    def configured(self) -> list[ConfiguredMethod]:
        """The methods, looked up, each with its options."""
        own = {name: self.settings[name] for name in self.settings if name not in OF_COMPARE}
        return configure(self.methods, own)

    def facts(self) -> dict[str, Any]:
        """What the files' metadata says of the rows so far, ready for JSON."""
        facts: dict[str, Any] = {"notes": dict(self.sentences)}
        if self.precise.error:
            facts["precision_error"] = dict(self.precise.error)
        if self.precise.reason:
            facts["not_compiled"] = self.precise.reason
        return facts

    def take_facts(self, facts: Mapping[str, Any]) -> None:
        """Add what an explainer elsewhere says of its rows."""
        self._keep(facts["notes"])
        self.precise.error = self.precise.error or facts.get("precision_error", {})
        self.precise.reason = self.precise.reason or facts.get("not_compiled", "")

    def _keep(self, sentences: Mapping[str, str]) -> None:
        """Keep the sentences of codes, up to a number: a method's notes may all be different."""
        if len(self.sentences) < _SENTENCES:
            self.sentences |= sentences

    def rows(self, batch: Batch | Unread) -> Any:
        """The rows of a batch, a record batch of `SCHEMA`: an image's rows are beside each other.

        A batch that fails as a whole is tried image by image, and what memory is too small for in
        halves. What fails for one image is a row with its error for each target and method.

        Raises:
            CamkitError: for what would fail in the same way for every image, as long as none was
                explained: a class, a layer or an option that the model does not have.
        """
        if isinstance(batch, Unread):
            return self._failed(batch)
        parts = list(self._whole(self._on_device(batch)))
        self._heap.tidy()
        return parts[0] if len(parts) == 1 else joined(parts)

    def _on_device(self, batch: Batch) -> Batch:
        device = self.precise.device(self.loaded.model)
        return Batch(batch.ids, batch.images.to(device, non_blocking=True), batch.labels)

    def _explained(self, batch: Batch) -> Any:
        start = perf_counter()
        try:
            comparison = self._compared(batch, self.questions, self.methods)
        except Exception as error:
            if self._is_of_all(error):
                raise
            if len(batch) > 1 and out_of_memory(error):
                raise  # it is tried in halves
            return self._one_by_one(batch, error)
        self.seen = True
        share = (perf_counter() - start) / (len(batch) * len(comparison))
        if self.precise.changes and not self.precise.error:
            self._measure(batch, comparison[0, 0])
        return self._table(batch, comparison, share)

    def _compared(
        self, batch: Batch, questions: Sequence[Question], methods: Sequence[Any]
    ) -> Comparison:
        targets = [self._target(question, batch) for question in questions]
        model, images = self.precise.of(self.loaded.model, batch.images)
        # An explainer of `prepare` takes as long for one method and target, and runs anew for each.
        with self.precise.running(), quietly(), without_bars():
            return compare(model, images, methods, targets, self.layer, **self.settings)

    def _measure(self, batch: Batch, changed: Explanation) -> None:
        """Explain the first batch by the model itself, too, and note how far the maps are apart."""
        targets = [self._target(self.questions[0], batch)]
        with quietly(), without_bars():
            model, images = self.loaded.model, batch.images
            own = compare(model, images, self.methods[:1], targets, self.layer, **self.settings)
        self.precise.measure(own[0, 0], changed)

    def _target(self, question: Question, batch: Batch) -> Any:
        if question.target is not LABEL:
            return question.target
        numbers = [number for number, _ in self._labels_of(batch)]
        if None in numbers:
            without = batch.ids[numbers.index(None)]
            raise InputError(f"{without} has no label among the model's classes to explain")
        return numbers

    def _labels_of(self, batch: Batch | Unread) -> list[tuple[int | None, str | None]]:
        return [self.labels.of(*each) for each in zip(batch.ids, batch.labels, strict=True)]

    def _is_of_all(self, error: Exception) -> bool:
        """Whether an error is of the request, not of an image."""
        own = (InputError, TargetError) if self._finds else InputError
        return isinstance(error, CamkitError) and not isinstance(error, own) and not self.seen

    @property
    def _finds(self) -> bool:
        """Whether the model finds things, which one image has and another has not."""
        return self.loaded.task in ("detection", "segmentation")

    def _one_by_one(self, batch: Batch, error: Exception) -> Any:
        """The rows of images that cannot be explained together."""
        if len(batch) > 1:
            parts = [self._explained(batch[index : index + 1]) for index in range(len(batch))]
            whole = joined(parts)
            nothing_there = self._finds and isinstance(error, CamkitError)
            if not self.seen and not nothing_there and whole.column("error").null_count == 0:
                raise RunError(
                    f"none of the first {len(batch)} images can be explained: {said(error)}"
                ) from error
            return whole
        pairs = list(product(self.questions, self.methods))
        if len(pairs) == 1:
            return self._failed(_unread(batch, error))
        return joined([self._alone(batch, *pair) for pair in pairs])

    def _alone(self, batch: Batch, question: Question, method: Any) -> Any:
        """The row of one image for one target and method."""
        start = perf_counter()
        try:
            comparison = self._compared(batch, [question], [method])
        except Exception as error:
            if self._is_of_all(error):
                raise
            place = [self.methods.index(method)]
            return self._failed(_unread(batch, error), [question], place)
        self.seen = True
        return self._table(batch, comparison, perf_counter() - start, [question])

    def _table(
        self,
        batch: Batch,
        comparison: Comparison,
        share: float,
        questions: Sequence[Question] | None = None,
    ) -> Any:
        """The rows of a comparison, image by image."""
        parts = [
            self._of(batch, question, explanation, share)
            for question, row in zip(questions or self.questions, comparison.rows, strict=True)
            for explanation in row
        ]
        return side_by_side(parts)

    def _of(self, batch: Batch, question: Question, explanation: Explanation, share: float) -> Any:
        codes, sentences = codes_of(explanation.notes, len(batch))
        self._keep(sentences)
        names = self.loaded.class_names or explanation.class_names
        labels = self._labels_of(batch)
        return explained_rows(batch, question.name, labels, explanation, names, codes, share)

    def _failed(
        self,
        unread: Unread,
        questions: Sequence[Question] | None = None,
        methods: Sequence[int] | None = None,
    ) -> Any:
        """A row with its error for each image, target and method."""
        places = range(len(self.configured)) if methods is None else methods
        labels = self._labels_of(unread)
        return side_by_side(
            [
                failed_rows(unread, question.name, labels, self.configured[place])
                for question in questions or self.questions
                for place in places
            ]
        )


_SENTENCES = 500
OF_COMPARE = frozenset(
    {
        *("image_input", "shared_inputs", "output", "adapter", "batch_size", "reshape_transform"),
        *("aug_smooth", "eigen_smooth"),
    }
)


def _unread(batch: Batch, error: Exception) -> Unread:
    return Unread(batch.ids, (said(error),) * len(batch), batch.labels)
