"""The one object a method sees: this model, these images, this layer, this target."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import cached_property, partial
from typing import Any, Literal

import torch
from torch import Tensor

from .ablation import ablation_runs, drops_in_closed_form
from .adapter import as_grid, channel_axis
from .chunks import chunk_size, run_in_chunks, stacked, tail_chunk_size
from .errors import warn
from .guided import guided_gradients
from .maps import principal_map, spatial_axes, weighted_sum
from .recording import Recording
from .runner import Runner
from .sharing import Shared
from .tail import proven_replay, tail_outputs
from .targets import Targets, class_logits


class Probe:
    """One question about one recorded forward pass; each answer is computed when first read.

    Letters in shapes: N images, C channels, (h, w) the target layer's grid, (H, W) the images'
    size; of signals these are (l) and (L), of volumes and videos (d, h, w) and (D, H, W).
    Everything is detached, and float32 (float64 of a float64 model) unless it says else.

    Args:
        shared: the recorded forward pass, and what is shared with other targets.
        index: which of the shared targets this is about.
        batch_size: rows in a chunk of tail runs and input runs; None chooses for the device.
        eigen_smooth: let `channel_sum` give the first principal component in place of the sum.
    """

    def __init__(
        self,
        shared: Shared,
        index: int = 0,
        *,
        batch_size: int | None = None,
        eigen_smooth: bool = False,
    ) -> None:
        self.recording = shared.recording
        self.targets = shared.targets[index]
        self.notes: list[str] = []
        self._batch_size = batch_size
        self.ignored_smoothing = eigen_smooth
        self._shared = shared
        self._index = index
        self._eigen_smooth = eigen_smooth

    @property
    def images(self) -> Tensor:
        """What the model was given: (N, C, H, W), in the model's dtype."""
        return self.recording.images

    @property
    def spatial_axes(self) -> tuple[int, ...]:
        """The axes of the positions in `activations`, `gradients` and `images`: all from 2 on."""
        return spatial_axes(self.images, 2)

    @property
    def _rank(self) -> int:
        return self.images.ndim - 2

    @cached_property
    def activations(self) -> Tensor:
        """The target layer's output as it left the layer, through the reshape: (N, C, h, w)."""
        return _full(as_grid(self.recording.adapter, self.recording.raw.detach(), self._rank))

    @cached_property
    def gradients(self) -> Tensor:
        """The gradient of each image's score with respect to `activations`: (N, C, h, w)."""
        return _full(as_grid(self.recording.adapter, self.raw_gradients, self._rank))

    @cached_property
    def raw_gradients(self) -> Tensor:
        """The same in the layer's own layout, class token and all."""
        return self._shared.raw_gradients[self._index]

    @cached_property
    def scores(self) -> Tensor:
        """The score of each image's target: (N,)."""
        return _full(self.targets.scores(self.recording.output).detach())

    @cached_property
    def logits(self) -> Tensor:
        """The model's class scores (N, K); TargetError if it gives none."""
        return _full(class_logits(self.recording.output).detach())

    def tail_scores(self, edits: Iterable[Tensor], total: int, share: Hashable = None) -> Tensor:
        """Scores for edited activations, from tail runs: (M, N).

        Args:
            edits: M versions of the layer's output for all N images at once, each in the
                layer's own layout (`recording.raw`); taken one by one, run in chunks.
            total: M, for the progress bar.
            share: a key that says which edits these are, if they do not depend on the target:
                then other targets of the same recording are answered by the same runs.
        """
        chunks = stacked(edits, self._tail_chunk(self.recording.raw))
        return self._run_tails(chunks, total, share)

    def _tail_chunk(self, edit: Tensor) -> int:
        return max(1, (self._batch_size or tail_chunk_size(edit[:1])) // len(self.images))

    def _run_tails(
        self,
        chunks: Iterable[Tensor],
        total: int,
        share: Hashable,
        outputs: Callable[[Tensor], Any] | None = None,
    ) -> Tensor:
        if not outputs and not proven_replay(self.recording):
            self.note(
                f"tail runs at {self.recording.layer!r} took full forward passes: replaying what "
                f"follows the layer could not be proved exact for this model"
            )

        def ask(targets: Sequence[Targets]) -> Tensor:
            def run(edits: Tensor) -> Tensor:
                output = (outputs or partial(tail_outputs, self.recording))(edits)
                return _full(torch.stack([one.scores_of_runs(output) for one in targets], 1))

            return run_in_chunks(run, chunks, total, "tail runs")

        return self._shared.scores(self._index, share, ask)

    def ablated_scores(self, fill: Tensor | float | Literal["mean"] = 0.0) -> Tensor:
        """Scores with one channel at a time replaced by `fill`: (N, C).

        Exact without any run where the score is affine in the layer's output, as it is behind
        global pooling and one linear layer; from tail runs elsewhere.

        Args:
            fill: a number; "mean" for the channel's own mean over the layer's positions; or one
                value for each image and channel (N, C).
        """
        raw = self.recording.raw.detach()
        axis = channel_axis(self.recording.adapter, raw, self._rank)
        channels = raw.movedim(axis, 1).flatten(2)
        share = None if isinstance(fill, Tensor) else ("ablated", fill)
        values = channels.mean(2) if fill == "mean" else torch.as_tensor(fill).to(raw)
        values = values.expand(channels.shape[:2])
        if drops := drops_in_closed_form(self.recording, self.targets, axis, values):
            return self.scores[:, None] + _full(drops(self.raw_gradients)).sum(2)
        chunks, outputs = ablation_runs(self.recording, axis, values, self._tail_chunk)
        return self._run_tails(chunks, channels.shape[1], share, outputs).T

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
        runner = Runner(self.recording, image, fast)

        def ask(targets: Sequence[Targets]) -> Tensor:
            def run(block: Tensor) -> Tensor:
                output = runner(block.to(self.images.dtype))
                found = [one.scores_of_rows(image, output, len(block)) for one in targets]
                return _full(torch.stack(found, 1))

            size = self._batch_size or chunk_size(self.images.device)
            return run_in_chunks(run, stacked(edits, size), total, "input runs")

        key = None if share is None else (share, image)
        scores = self._shared.scores(self._index, key, ask)
        for note in self._shared.notes.setdefault(key, runner.notes) if key else runner.notes:
            self.note(note)
        return scores

    def of_probabilities(self) -> Probe:
        """The same question about class probabilities in place of logits."""
        shared = Shared(self.recording, [self.targets.of_probabilities()])
        return Probe(shared, batch_size=self._batch_size)

    def guided_gradients(self, nodes: Sequence[str] = ("ReluBackward0",)) -> tuple[Tensor, int]:
        """Guided backpropagation to the images: (N, C, H, W), and how many ReLUs it guided."""
        key = tuple(nodes)
        if key not in self._guided:
            gradient, guided = guided_gradients(self.recording, self.targets, key)
            self._guided[key] = _full(gradient), guided
        return self._guided[key]

    @cached_property
    def _guided(self) -> dict[tuple[str, ...], tuple[Tensor, int]]:
        return {}

    def weighted_sum(self, weights: Tensor) -> Tensor:
        """The map that channel weights (N, C) make of the activations: (N, h, w), signed."""
        if self._eigen_smooth:
            weights = weights.view(*weights.shape, *[1] * self._rank)
            return self.channel_sum(weights * self.activations)
        return weighted_sum(weights, self.activations)

    def channel_sum(self, evidence: Tensor) -> Tensor:
        """Evidence (N, C, h, w) summed over channels: (N, h, w).

        With eigen smoothing, its first principal component instead.
        """
        self.ignored_smoothing = False
        return principal_map(evidence) if self._eigen_smooth else evidence.sum(1)

    def zero_gradient(self, image: int) -> bool:
        """Whether a method read the gradients, and they are exactly zero for this image."""
        return "gradients" in vars(self) and not bool(self.gradients[image].any())

    def note(self, text: str) -> None:
        """Tell the reader of the explanation something, once."""
        if text not in self.notes:
            self.notes.append(text)

    def warn(self, text: str) -> None:
        """The same for what the reader must not miss: also given as a `CamkitWarning`."""
        self.note(text)
        warn(text)


def _full(values: Tensor) -> Tensor:
    # Half precision is for networks; sums over thousands of channels need more.
    return values if values.dtype == torch.float64 else values.float()


def probes(recording: Recording, targets: Sequence[Targets], **settings: Any) -> list[Probe]:
    """A probe for each of several targets, which share what they can."""
    shared = Shared(recording, targets)
    return [Probe(shared, index, **settings) for index in range(len(targets))]
