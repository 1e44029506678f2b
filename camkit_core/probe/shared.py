"""What the probes of one recording share: gradients of all targets, and runs of the model."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor

from ..forward.chunks import run_in_chunks
from ..forward.recording import Recording
from ..inputs.seen import modules_of
from ..inputs.targets.scores import Targets
from ..maps import full
from ..pytree import own_copy
from .earlier_layers import stages
from .input_runs import InputRunner
from .own_rows import check_own_rows, own_gradients
from .rows import values_of
from .tail.proof import tail_outputs
from .touching import images_touch

Outputs = Callable[[Tensor], Any]


class SharedPass:
    """One recording and its T targets; the results of one target's runs serve the others.

    Args:
        recording: see Attributes.
        targets: see Attributes.
        pulled: the gradients at the levels of one pass, by the identity of their `raw`: those of
            the same targets at its other levels are given the same dict.

    Attributes:
        recording: the forward pass.
        targets: T times a score function for each image.
        notes: the notes of shared runs, by the runs' key.
        kept: what one method's probe has computed, and those of others need not compute again.
    """

    def __init__(
        self,
        recording: Recording,
        targets: Sequence[Targets],
        pulled: dict[int, Tensor] | None = None,
    ) -> None:
        self.recording = recording
        self.targets = list(targets)
        self.notes: dict[Hashable, list[str]] = {}
        self.kept: dict[Hashable, Any] = {}
        self._scores: dict[Hashable, Tensor] = {}
        self._stages: dict[Hashable, list[SharedPass]] = {}
        self._pulled = {} if pulled is None else pulled

    @cached_property
    def parameters(self) -> list[Tensor]:
        """The model's parameters whose writes torch counts."""
        modules = modules_of(self.recording.model).all
        tables = [module._parameters.values() for module in modules if module._parameters]
        tensors = [tensor for table in tables for tensor in table if tensor is not None]
        return [tensor for tensor in tensors if not tensor.is_inference()]

    @cached_property
    def plain_scores(self) -> list[Tensor]:
        """T times the score (N,) of each image, with its graph."""
        with torch.enable_grad():
            return [targets.scores(self.recording.output) for targets in self.targets]

    @cached_property
    def raw_gradients(self) -> Tensor:
        """The gradients of all targets, (T, N, ...) in the layer's layout."""
        summed = self._summed_gradients
        return own_gradients(self.recording, self.plain_scores) if self.images_touch else summed

    @cached_property
    def images_touch(self) -> bool:
        """Whether the score of an image depends on other images of the batch."""
        scores = self.plain_scores
        touch = images_touch(self.recording, scores, lambda: self._summed_gradients)
        for targets, score in zip(self.targets, scores, strict=True):
            if touch and targets.classes is None and score.requires_grad:
                check_own_rows(self.recording, score)
        return touch

    @cached_property
    def _summed_gradients(self) -> Tensor:
        # Where images do not touch each other, the gradient of a sum holds that of each image.
        raw, levels = self.recording.raw, self.recording.held
        if id(raw) not in self._pulled:
            raws = [raw, *(level.raw for level in levels)]
            gradients = self.recording.gradients_at(raws, self.plain_scores)
            self._pulled.update(zip(map(id, raws), gradients, strict=True))
        return self._pulled[id(raw)]

    def stages(self, layers: tuple[str, ...], count: int) -> list[SharedPass]:
        """The same targets at other layers: see `earlier_layers.stages`."""
        if (layers, count) not in self._stages:
            recordings = stages(self.recording, layers, count)
            self._stages[layers, count] = [SharedPass(each, self.targets) for each in recordings]
        return self._stages[layers, count]

    def scores(
        self, index: int, key: Hashable, scores_of: Callable[[Sequence[Targets]], Tensor]
    ) -> Tensor:
        """The scores of target `index`, of those (M, T, ...) that `scores_of` computes by runs.

        With a key, the scores of all targets are computed from the same runs, and kept. Without
        a key, only the scores of this target are.
        """
        if key is None:
            return scores_of([self.targets[index]])[:, 0]
        if key not in self._scores:
            self._scores[key] = scores_of(self.targets)
        return own_copy(self._scores[key][:, index])

    def tail_scores(
        self,
        index: int,
        chunks: Iterable[Tensor],
        total: int,
        share: Hashable,
        outputs: Outputs | None = None,
    ) -> Tensor:
        """Scores (M, N) of target `index` for chunks of edited activations.

        Args:
            index: which target.
            chunks: of `total` edits.
            total: M.
            share: the key under which other targets find the same runs.
            outputs: from edits to the model's outputs; None to replay from the layer.
        """
        outputs_of = outputs or partial(tail_outputs, self.recording)

        def scores_of(targets: Sequence[Targets]) -> Tensor:
            def run(edits: Tensor) -> Tensor:
                if self.images_touch:
                    return full(self._scores_image_by_image(edits, targets))
                output = outputs_of(edits)
                return full(torch.stack([each.scores_of_runs(output) for each in targets], 1))

            return run_in_chunks(run, chunks, total, "tail runs")

        return self.scores(index, share, scores_of)

    def _scores_image_by_image(self, edits: Tensor, targets: Sequence[Targets]) -> Tensor:
        """Scores (M, T, N) for edits of the layer's output, each made in one image alone."""
        scores = edits.new_empty(len(edits), len(targets), len(self.recording.images))
        for image in range(scores.shape[2]):
            own = values_of(self.recording, image)
            for index, edit in enumerate(edits):
                edited = torch.where(own, edit, self.recording.raw.detach())
                output = tail_outputs(self.recording, edited[None])
                for target, each in enumerate(targets):
                    scores[index, target, image] = each.scores_of_runs(output)[0, image]
        return scores

    def input_scores(
        self, index: int, runner: InputRunner, chunks: Iterable[Tensor], total: int, share: Hashable
    ) -> Tensor:
        """Scores (M,) of target `index` for chunks of versions of the runner's image.

        Args:
            index: which target.
            runner: runs the model on versions of one image.
            chunks: of `total` versions.
            total: M.
            share: the key under which other targets find the same runs.
        """
        image = runner.image

        def scores_of(targets: Sequence[Targets]) -> Tensor:
            def run(rows: Tensor) -> Tensor:
                output = runner(rows.to(self.recording.images.dtype))
                scores = [each.scores_of_rows(image, output, len(rows)) for each in targets]
                return full(torch.stack(scores, 1))

            return run_in_chunks(run, chunks, total, "input runs")

        return self.scores(index, share, scores_of)
