"""The one object a method is given: a model, its images, the target layer, the target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

from torch import Tensor

from ..forward.chunks import one_by_one
from ..forward.recording import Recording
from ..inputs.targets.classification import ClassScore, class_logits
from ..inputs.targets.scores import Targets
from ..maps import full, principal_map, weighted_sum
from ..pytree import own_copy
from .attention import Attention, attention_of
from .full_gradients import FullGradients, full_gradients
from .further.derived import Derived
from .guided import GuidedGradients, guided_gradients
from .hessian import hessian_product
from .lending import Watch
from .rows import grid_of
from .shared import SharedPass


class Probe(Derived):
    """One target of one recorded forward pass; each value is computed when first read.

    Letters in shapes: N images, C channels, (h, w) the target layer's grid, (H, W) the images'
    size; of signals these are (l) and (L), of volumes and videos (d, h, w) and (D, H, W).
    Values are detached, and float32 (float64 of a float64 model) unless stated otherwise.

    Args:
        shared: the recorded forward pass, and what its targets share.
        index: which of these targets the probe is of.
        batch_size: rows in a chunk of tail runs and input runs; None chooses for the device.
        eigen_smooth: let `channel_sum` give the first principal component in place of the sum.
    """

    def __init__(
        self,
        shared: SharedPass,
        index: int = 0,
        *,
        batch_size: int | None = None,
        eigen_smooth: bool = False,
    ) -> None:
        super().__init__(shared, index, batch_size)
        self._eigen_smooth = eigen_smooth
        self._smoothed: list[bool] = []  # not empty where a map was smoothed
        self._others: list[Probe] = []  # of the same recording, with other scores
        self._guided: dict[tuple[str, ...] | None, GuidedGradients] = {}  # by the guided nodes

    @property
    def ignored_smoothing(self) -> bool:
        """Whether eigen smoothing was asked for, and no map was smoothed yet."""
        return self._eigen_smooth and not self._smoothed

    @cached_property
    def activations(self) -> Tensor:
        """The target layer's output as it left the layer, through the reshape: (N, C, h, w)."""
        return self._lent("activations", lambda: self._grid(self._pass.raw.detach()))

    @cached_property
    def gradients(self) -> Tensor:
        """The gradient of each image's score with respect to `activations`: (N, C, h, w)."""
        return self._lent("gradients", lambda: self._grid(self._raw_gradients()))

    def _grid(self, raw: Tensor) -> Tensor:
        return full(grid_of(self._pass, raw))

    @cached_property
    def logits(self) -> Tensor:
        """The model's class scores (N, K); TargetError if it gives none."""
        return self._lent("logits", lambda: full(class_logits(self._pass.output).detach()))

    def of_probabilities(self) -> Probe:
        """A probe with class probabilities as scores, in place of logits."""
        return self._of(self._targets.of_probabilities())

    def of_logits(self, score: ClassScore) -> Probe:
        """A probe with `score(logits, category)` as scores, of all K logits of an image.

        Raises:
            TargetError: if the targets are not classes.
        """
        return self._of(self._targets.of_logits(score))

    def of_similar_detections(self) -> Probe:
        """A probe with D-RISE's likeness to each detection as scores, arXiv 2006.03204, equation 3.

        Targets that are no detections, and those of a detector that scores one class for each box
        only, keep their scores.
        """
        kept = self._shared.kept
        if "similar detections" not in kept:
            output = self._pass.output
            targets = [each.of_similar_detections(output) for each in self._shared.targets]
            kept["similar detections"] = SharedPass(self._pass, targets)
        probe = self._new(kept["similar detections"], self._index)
        probe.notes = self.notes
        return probe

    def _of(self, targets: Targets) -> Probe:
        probe = self._like(SharedPass(self._pass, [targets]))
        self._others.append(probe)
        return probe

    def _like(self, shared: SharedPass) -> Probe:
        """A probe that adds its notes to this one's, and smooths as this one does."""
        probe = self._new(shared)
        probe.notes, probe._eigen_smooth = self.notes, self._eigen_smooth
        probe._smoothed = self._smoothed
        return probe

    def gradients_of(self, versions: Iterable[Tensor], total: int) -> Iterator[Tensor]:
        """The `gradients` at each of several versions (N, C, H, W) of the images.

        Args:
            versions: taken one by one.
            total: how many there are, for the progress bar.
        """
        for images in one_by_one(versions, total, "input runs"):
            recording = self._pass.again(images.to(self._pass.images.dtype))
            yield Probe(SharedPass(recording, [self._targets])).gradients

    def stages(self, layers: Sequence[str] = (), count: int = 3) -> list[Probe]:
        """Probes of the same target at other layers of the same model.

        Args:
            layers: their dotted names; none for the last layer of each finer grid before the
                target layer, the coarsest grid first.
            count: how many at most, where none are named.

        Raises:
            LayerError: if a named layer gives no grid that the score's gradient reaches.
        """
        passes = self._shared.stages(tuple(layers), count)
        return [self._new(shared, self._index) for shared in passes]

    def _new(self, shared: SharedPass, index: int = 0) -> Probe:
        """A probe that the same method is given."""
        probe = Probe(shared, index, batch_size=self.batch_size)
        probe._watch = self._watch
        return probe

    def for_method(self, notes: list[str], trusted: bool) -> Probe:
        """The same probe for one method; what is computed, other methods need not compute again.

        Args:
            notes: the list that the method's notes are added to.
            trusted: whether the method is known to change nothing. Any other is lent copies.
        """
        probe = Probe(
            self._shared, self._index, batch_size=self.batch_size, eigen_smooth=self._eigen_smooth
        )
        if not trusted:
            probe._watch = Watch(self._pass, self._shared.parameters)
        probe.notes, probe._others, probe._guided = notes, self._others, self._guided
        return probe

    @cached_property
    def hessian_times_activations(self) -> Tensor:
        """The Hessian of each score at `activations`, times the layer's output: (N, C, h, w)."""
        return self._lent("hessian", self._hessian_product)

    def _hessian_product(self) -> Tensor:
        return self._grid(hessian_product(self._pass, self._targets, self.images_touch))

    @cached_property
    def full_gradients(self) -> FullGradients:
        """What image and biases contribute to the score, from another pass of the model."""
        return self._lent("full gradients", self._full_gradients)

    def _full_gradients(self) -> FullGradients:
        return full_gradients(self._pass, self._targets, self.images_touch)

    @cached_property
    def attention(self) -> Attention:
        """The attention of each block and its gradients, from another pass of the model.

        Raises:
            LayerError: if the model has no attention over all its patches.
        """
        return self._lent("attention", self._attention)

    def _attention(self) -> Attention:
        return attention_of(self._pass, self._targets, self._rank, self.images_touch)

    def guided_gradients(self, nodes: Sequence[str] | None = None) -> tuple[Tensor, int]:
        """Guided backpropagation to the images: (N, C, H, W), and how many ReLUs it guided.

        Args:
            nodes: names of the autograd nodes to guide; None for all ReLUs, ReLU6 and clamps at 0
                among them.
        """
        guided = self._guided_pass(nodes)
        images = full(guided.images)
        return images if self._watch is None else own_copy(images), guided.guided

    def guided_account(self, nodes: Sequence[str] | None = None) -> str:
        """What `guided_gradients` guided and what it did not, as a note."""
        return self._guided_pass(nodes).account()

    def _guided_pass(self, nodes: Sequence[str] | None) -> GuidedGradients:
        key = nodes if nodes is None else tuple(nodes)
        if key not in self._guided:
            self._guided[key] = guided_gradients(self._pass, self._targets, key, self.images_touch)
        return self._guided[key]

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
        self._smoothed.append(True)
        return principal_map(evidence) if self._eigen_smooth else evidence.sum(1)

    def zero_gradient(self, image: int) -> bool:
        """Whether a method read the gradients, and they are exactly zero for this image."""
        kept = [
            probe._shared.kept.get((probe._index, "gradients")) for probe in (self, *self._others)
        ]
        read = [gradients for gradients in kept if gradients is not None]
        return bool(read) and not any(bool(gradients[image].any()) for gradients in read)


def probes(
    levels: Sequence[Recording], targets: Sequence[Targets], **settings: Any
) -> list[list[Probe]]:
    """A probe for each of T targets at each of L levels of one pass: L lists of T.

    The targets share runs, and one backward pass gives the gradients at all levels.
    """
    pulled: dict[int, Tensor] = {}
    passes = [SharedPass(recording, targets, pulled) for recording in levels]
    return [[Probe(each, index, **settings) for index in range(len(targets))] for each in passes]
