"""What the probes of one recording share: gradients of all targets, and runs of the model."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import cached_property

import torch
from torch import Tensor

from .recording import Recording
from .targets import Targets


class Shared:
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

    @cached_property
    def raw_gradients(self) -> Tensor:
        """The gradients of all targets in the layer's own layout, (T, N, ...), in one pull."""
        # Images do not touch each other, so the gradient of a sum holds each image's own.
        with torch.enable_grad():
            sums = [targets.scores(self.recording.output).sum() for targets in self.targets]
        return self.recording.gradients(sums)

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
