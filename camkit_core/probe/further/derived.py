"""What a `Probe` derives from itself: other targets, other methods, versions of an image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from ...errors import TargetError
from ...forward.chunks import Halving, bar, chunk_size, stacked
from ...inputs.targets.classification import class_logits
from ...inputs.targets.questions import no_class
from ...inputs.targets.resolve import Target, resolve
from ...inputs.targets.scores import Targets
from ...maps import full
from ...pytree import map_tensors
from ..perturbation import Perturbation
from ..shared import SharedPass
from ..tail.moved_channels import with_vectors
from ..tail.proof import tail_outputs
from .concepts import Concepts
from .configured_method import configure

P = TypeVar("P", bound="Derived")  # which is Probe


class Derived(Perturbation):
    """The part of a `Probe` that makes probes and maps of others; letters in shapes as there.

    Attributes:
        concepts: several maps of each image that the method gives beside its own; None for none.
    """

    concepts: Concepts | None = None

    _smoothed: list[bool]

    @property
    def scored(self) -> bool:
        """Whether there is a score to explain: not where no class is asked for, and none given."""
        return no_class not in self._targets.functions

    def by(self, method: str | Callable[..., Tensor], **options: Any) -> Tensor:
        """The map of the same target by another method: (N, h, w), or (N, H, W) where it is finer.

        Args:
            method: the name of an installed method, or a function of a `Probe`.
            options: its keyword arguments.

        Raises:
            UnknownName: for a method that is not installed, or an option that it does not take.
        """
        [configured] = configure([method], options)
        own = configured.is_camkits_own
        given = self if own else self.for_method(self.notes, trusted=False)
        concepts = self.concepts  # the other method may set its own
        cam = configured.run(given)
        self.concepts = concepts
        if given is not self:
            self._smoothed += given._smoothed
        return cam

    def of_target(self: P, target: Target) -> P:
        """A probe of another target: a class, a callable, or one of these for each image.

        Raises:
            TargetError: if the model has no such class, or there is not one target for each image.
        """
        targets = resolve(target, self._pass.output, len(self._pass.images))
        return self._of(targets)

    def versions(self: P, image: int, versions: Iterable[Tensor], total: int) -> Iterator[P]:
        """Probes of the same target for versions of one image, several versions in each.

        Args:
            image: the index of the image.
            versions: images (C, H, W) of one shape, which need not be the image's; taken one by
                one, recorded in chunks.
            total: how many there are, for the progress bar.
        """
        size = self.batch_size or chunk_size(self._pass.images.device)
        record = Halving(lambda chunk: self._of_versions(image, chunk))
        with bar(total=total, label="input runs") as shown:
            # Where rows touch each other, each version has to be alone.
            for chunk in stacked(versions, 1 if self.images_touch else size):
                yield from record(chunk)
                shown.update(len(chunk))

    def _of_versions(self: P, image: int, versions: Tensor) -> P:
        own = self._pass.companions.of_image(image)
        recording = self._pass.again(versions.to(self._pass.images), own)
        targets = self._targets.of_image(image, len(versions))
        return self._like(SharedPass(recording, [targets]))

    def score_function(self, image: int) -> Callable[[Tensor], Tensor]:
        """A function from versions (M, C, H, W) of one image to its target's scores (M,).

        The scores have a graph, back to versions that require a gradient: for methods at the
        pixels, and for libraries that explain a function.
        """

        def scores(versions: Tensor) -> Tensor:
            with torch.enable_grad():
                rows = versions.clone() if versions.requires_grad else versions
                output = self._pass.run(rows.to(self._pass.images), image)
                return full(self._targets.scores_of_rows(image, output, len(versions)))

        return scores

    def logits_of_vectors(self, vectors: Sequence[Tensor]) -> Tensor:
        """The class scores for the same activations at every position of the grid: (M, N, K).

        Args:
            vectors: M of (N, C), the activations of each image.

        Raises:
            TargetError: if the model gives no class scores.
        """
        if not self.scored:
            raise TargetError("the model gives no class scores")
        edits = with_vectors(self._pass, vectors)

        def run(chunk: Tensor) -> Tensor:
            output = tail_outputs(self._pass, chunk)
            rows = map_tensors(lambda tensor: tensor.flatten(0, min(1, tensor.ndim - 1)), output)
            logits = full(class_logits(rows).detach())
            return logits.view(len(chunk), -1, logits.shape[1])

        chunks = stacked(edits, self._tail_chunk(self._pass.raw))
        return torch.cat([run(chunk) for chunk in chunks])

    def scores_of_vectors(self, vectors: Sequence[Tensor]) -> Tensor:
        """The scores for the same activations at every position of the grid: (M, N)."""
        return self.tail_scores(with_vectors(self._pass, vectors), len(vectors))

    def check(self, culprit: str) -> None:
        """Raise PluginError if the method that the probe is for changed what others read."""
        if self._watch:
            self._watch.check(culprit)

    def for_method(self: P, notes: list[str], trusted: bool) -> P:
        """See `Probe`."""
        raise NotImplementedError

    def _of(self: P, targets: Targets) -> P:
        """A probe of other targets of the same pass."""
        raise NotImplementedError

    def _like(self: P, shared: SharedPass) -> P:
        """A probe of another pass, with the same notes."""
        raise NotImplementedError
