"""Scores of edited activations and edited images, from runs of the model or of its tail."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Literal, TypeVar

import torch
from torch import Tensor

from ..errors import warn
from ..forward.chunks import chunk_size, stacked, tail_chunk_size
from ..forward.recording import Recording
from ..inputs.targets.scores import Targets
from ..maps import full, spatial_axes
from ..pytree import own_copy
from .input_runs import InputRunner
from .lending import Watch
from .rows import grid_of
from .shared import Outputs, SharedPass
from .tail.ablation import (
    ablated_in_closed_form,
    ablation_is_affine,
    ablation_runs,
    few_ablations,
    rows_first,
)
from .tail.masking import masked
from .tail.moved_channels import ablations_through_reshape, whole_axes
from .tail.proof import proven_tail

T = TypeVar("T")


class Perturbation:
    """The half of a `Probe` that runs the model again; letters in shapes as in `Probe`.

    `Probe` inherits it, so that a method finds everything on one object, and every run adds its
    notes to the same list.
    """

    def __init__(self, shared: SharedPass, index: int, batch_size: int | None) -> None:
        self.notes: list[str] = []
        self.batch_size = batch_size
        self._shared = shared
        self._index = index
        self._pass = shared.recording  # with its tensors, which nothing here may change
        self._watch: Watch | None = None  # of the method that the probe is for

    @cached_property
    def recording(self) -> Recording:
        """The recorded forward pass, which all methods share: to be read, not to be changed."""
        if self._watch:
            self._watch.add(self._pass)
        return self._pass

    @cached_property
    def targets(self) -> Targets:
        """A score function for each image."""
        targets = self._shared.targets[self._index]
        if self._watch is None or targets.classes is None:
            return targets
        return replace(targets, classes=targets.classes.clone())

    @cached_property
    def images(self) -> Tensor:
        """What the model was given: (N, C, H, W), in the model's dtype."""
        return self._lent("images", lambda: self._pass.images)

    @property
    def image_shape(self) -> torch.Size:
        """The shape of `images`."""
        return self._pass.images.shape

    def _lent(self, name: Hashable, compute: Callable[[], T]) -> T:
        """A value that is computed once for all methods, of which each has a copy of its own."""
        kept = self._shared.kept
        key = self._index, name
        if key not in kept:
            kept[key] = compute()
        value: T = kept[key]
        return value if self._watch is None else own_copy(value)

    @property
    def _targets(self) -> Targets:
        return self._shared.targets[self._index]

    @property
    def spatial_axes(self) -> tuple[int, ...]:
        """The axes of the positions in `activations`, `gradients` and `images`: all from 2 on."""
        return spatial_axes(self._pass.images, 2)

    @property
    def _rank(self) -> int:
        return self._pass.images.ndim - 2

    @cached_property
    def raw_gradients(self) -> Tensor:
        """The gradients of the scores in the layer's own layout, class token included."""
        return self._lent("raw gradients", self._raw_gradients)

    def _raw_gradients(self) -> Tensor:
        return self._shared.raw_gradients[self._index]

    @property
    def images_touch(self) -> bool:
        """Whether the score of an image depends on the other images of the batch."""
        return self._shared.images_touch

    @cached_property
    def scores(self) -> Tensor:
        """The score of each image's target: (N,)."""
        return self._lent("scores", self._scores)

    def _scores(self) -> Tensor:
        return full(self._shared.plain_scores[self._index].detach())

    def tail_scores(self, edits: Iterable[Tensor], total: int, share: Hashable = None) -> Tensor:
        """Scores for edited activations, from tail runs: (M, N).

        Args:
            edits: M versions of the layer's output for all N images at once, each in the
                layer's own layout (`recording.raw`); taken one by one, run in chunks.
            total: M, for the progress bar.
            share: a key that says which edits these are, if they do not depend on the target:
                then the same runs serve the other targets of the recording.
        """
        chunks = stacked(edits, self._tail_chunk(self._pass.raw))
        return self._run_tails(chunks, total, share)

    def _tail_chunk(self, edit: Tensor) -> int:
        """How many edits like this one, of all images, are run at once."""
        return max(1, (self.batch_size or tail_chunk_size(edit[:1])) // len(self._pass.images))

    def _run_tails(
        self,
        chunks: Iterable[Tensor],
        total: int,
        share: Hashable,
        outputs: Outputs | None = None,
    ) -> Tensor:
        if not outputs and not proven_tail(self._pass):
            self.note(
                f"tail runs at {self._pass.layer!r} took full forward passes: replaying what "
                f"follows the layer could not be proved exact for this model"
            )
        return self._shared.tail_scores(self._index, chunks, total, share, outputs)

    def masked_scores(self, masks: Iterable[Tensor], total: int, share: Hashable = None) -> Tensor:
        """Scores with the activations at each position times a mask's value: (M, N).

        Values at no position, such as the class token, are kept.

        Args:
            masks: M of (h, w), each for all images; taken one by one, run in chunks.
            total: M, for the progress bar.
            share: as for `tail_scores`.
        """
        return self.tail_scores(masked(self._pass, masks, self._rank), total, share)

    def ablated_scores(
        self, fill: Tensor | float | Literal["mean"] = 0.0, channels: Tensor | None = None
    ) -> Tensor:
        """Scores with one channel at a time replaced by `fill`: (N, C).

        Exact without any run where the score is affine in the layer's output, as it is behind
        global pooling and one linear layer; from tail runs elsewhere.

        Args:
            fill: a number; "mean" for the channel's own mean over the layer's positions; or one
                value for each image and channel (N, C).
            channels: for each image the channels (N, M) that are replaced, in place of all C; the
                scores are then (N, M).
        """
        raw = self._pass.raw.detach()
        grid = grid_of(self._pass, raw)  # refuses a layer without a row for each image
        axis, images = whole_axes(self._pass)
        if axis is None:
            return self._ablated_through_reshape(grid, fill, channels)
        rows, channel = rows_first(raw, images, axis)
        every = rows.movedim(channel, 1).flatten(2)
        share = None if isinstance(fill, Tensor) else ("ablated", fill)
        values = (
            every.mean(2) if fill == "mean" else torch.as_tensor(fill, device=raw.device).to(raw)
        )
        values = values.expand(every.shape[:2])
        if ablation_is_affine(self._pass, self._targets, values):
            gradients = self._raw_gradients().movedim(images, 0)
            every = ablated_in_closed_form(self._scores(), gradients, rows, channel, values)
            return every if channels is None else every.gather(1, channels)
        if channels is not None:
            size = self._tail_chunk(raw)
            few = few_ablations(raw, images, axis, values, channels, size)
            return self._run_tails(few, channels.shape[1], None).T
        # Where images touch each other, edits are made image by image, at the layer itself.
        chunks, outputs = ablation_runs(
            self._pass, axis, values, self._tail_chunk, at_layer=self.images_touch
        )
        return self._run_tails(chunks, every.shape[1], share, outputs).T

    def _ablated_through_reshape(
        self, grid: Tensor, fill: Tensor | float | Literal["mean"], channels: Tensor | None
    ) -> Tensor:
        """The same where no axis of the layer's output holds the channels, or the images."""
        means = grid.flatten(2).mean(2) if fill == "mean" else None
        values = torch.as_tensor(fill if means is None else means, device=grid.device).to(grid)
        values = values.expand(grid.shape[:2])
        share = None if isinstance(fill, Tensor) or channels is not None else ("ablated", fill)
        size = self._tail_chunk(self._pass.raw)
        edits = ablations_through_reshape(self._pass, values, size, channels)
        return self._run_tails(edits, len((values if channels is None else channels).T), share).T

    def input_scores(
        self,
        image: int,
        edits: Iterable[Tensor],
        total: int,
        share: Hashable = None,
        fast: str | Sequence[str] = (),
    ) -> Tensor:
        """Scores of one image's target for edited images, from input runs: (M,).

        Args:
            image: whose target is scored.
            edits: M images (C, H, W), taken one by one and run in chunks, so that a generator
                never has more than a chunk of them in memory.
            total: M, for the progress bar.
            share: as for `tail_scores`.
            fast: "bfloat16", "compile", or both; the error is measured on the first chunk and
                noted.
        """
        runner = InputRunner(self._pass, image, fast, self.images_touch)
        chunks = stacked(edits, self.batch_size or chunk_size(self._pass.images.device))
        key = None if share is None else (share, image)
        scores = self._shared.input_scores(self._index, runner, chunks, total, key)
        notes = runner.notes if key is None else self._shared.notes.setdefault(key, runner.notes)
        for note in notes:
            self.note(note)
        return scores

    def note(self, text: str) -> None:
        """Add a note for the reader of the explanation, once."""
        if text not in self.notes:
            self.notes.append(text)

    def warn(self, text: str) -> None:
        """Add a note that the reader must not miss, and give it as a `CamkitWarning`, too."""
        self.note(text)
        warn(text)
