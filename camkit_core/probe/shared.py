"""What the probes of one recording share: gradients of all targets, and runs of the model."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor

from ..forward.chunks import run_in_chunks
from ..forward.recording import Recording
from ..inputs.targets.scores import Targets
from ..maps import full
from .earlier_layers import stages
from .input_runs import InputRunner
from .tail.proof import tail_outputs

Outputs = Callable[[Tensor], Any]


class SharedPass:
    """One recording and its T targets; what is computed for one target is there for all.

    Attributes:
        recording: the forward pass.
        targets: T times a score function for each image.
        notes: what was noted of shared runs, by their key.
    """

    def __init__(self, recording: Recording, targets: Sequence[Targets]) -> None:
        self.recording = recording
        self.targets = list(targets)
        self.notes: dict[Hashable, list[str]] = {}
        self._scores: dict[Hashable, Tensor] = {}
        self._stages: dict[Hashable, list[SharedPass]] = {}

    @cached_property
    def plain_scores(self) -> list[Tensor]:
        """T times the score (N,) of each image, with its graph."""
        with torch.enable_grad():
            return [targets.scores(self.recording.output) for targets in self.targets]

    @cached_property
    def raw_gradients(self) -> Tensor:
        """The gradients of all targets in the layer's own layout, (T, N, ...), in one pull."""
        # Images do not touch each other, so the gradient of a sum holds each image's own.
        return self.recording.gradients(self.plain_scores)

    def stages(self, layers: tuple[str, ...], count: int) -> list[SharedPass]:
        """The same targets at other layers, as `stages.stages` finds them."""
        if (layers, count) not in self._stages:
            found = stages(self.recording, layers, count)
            self._stages[layers, count] = [SharedPass(one, self.targets) for one in found]
        return self._stages[layers, count]

    def scores(
        self, index: int, key: Hashable, ask: Callable[[Sequence[Targets]], Tensor]
    ) -> Tensor:
        """The scores of target `index` among those (M, T, ...) that `ask` finds.

        With a key, all targets are asked at once and the answer is kept for the others: runs on
        the same edits need not be repeated for another target. Without, only this one is asked.
        """
        if key is None:
            return ask([self.targets[index]])[:, 0]
        if key not in self._scores:
            self._scores[key] = ask(self.targets)
        return self._scores[key][:, index]

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

        def ask(targets: Sequence[Targets]) -> Tensor:
            def run(edits: Tensor) -> Tensor:
                output = (outputs or partial(tail_outputs, self.recording))(edits)
                return full(torch.stack([one.scores_of_runs(output) for one in targets], 1))

            return run_in_chunks(run, chunks, total, "tail runs")

        return self.scores(index, share, ask)

    def input_scores(
        self, index: int, runner: InputRunner, chunks: Iterable[Tensor], total: int, share: Hashable
    ) -> Tensor:
        """Scores (M,) of target `index` for chunks of versions of the runner's image."""
        image = runner.image

        def ask(targets: Sequence[Targets]) -> Tensor:
            def run(block: Tensor) -> Tensor:
                output = runner(block.to(self.recording.images.dtype))
                found = [one.scores_of_rows(image, output, len(block)) for one in targets]
                return full(torch.stack(found, 1))

            return run_in_chunks(run, chunks, total, "input runs")

        return self.scores(index, share, ask)
