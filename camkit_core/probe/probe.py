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
from .attention import Attention, attention_of
from .full_gradients import FullGradients, full_gradients
from .guided import GuidedGradients, guided_gradients
from .hessian import hessian_product
from .perturbation import Perturbation
from .rows import grid_of
from .shared import SharedPass


class Probe(Perturbation):
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
        self.ignored_smoothing = eigen_smooth
        self._eigen_smooth = eigen_smooth
        self._others: list[Probe] = []  # of the same recording, with other scores
        self._guided: dict[tuple[str, ...] | None, GuidedGradients] = {}  # by the guided nodes

    @cached_property
    def activations(self) -> Tensor:
        """The target layer's output as it left the layer, through the reshape: (N, C, h, w)."""
        return full(grid_of(self.recording, self.recording.raw.detach()))

    @cached_property
    def gradients(self) -> Tensor:
        """The gradient of each image's score with respect to `activations`: (N, C, h, w)."""
        return full(grid_of(self.recording, self.raw_gradients))

    @cached_property
    def logits(self) -> Tensor:
        """The model's class scores (N, K); TargetError if it gives none."""
        return full(class_logits(self.recording.output).detach())

    def of_probabilities(self) -> Probe:
        """A probe with class probabilities as scores, in place of logits."""
        return self._of(self.targets.of_probabilities())

    def of_logits(self, score: ClassScore) -> Probe:
        """A probe with `score(logits, category)` as scores, of all K logits of an image.

        Raises:
            TargetError: if the targets are not classes.
        """
        return self._of(self.targets.of_logits(score))

    def _of(self, targets: Targets) -> Probe:
        probe = Probe(SharedPass(self.recording, [targets]), batch_size=self.batch_size)
        probe.notes = self.notes
        self._others.append(probe)
        return probe

    def gradients_of(self, versions: Iterable[Tensor], total: int) -> Iterator[Tensor]:
        """The `gradients` at each of several versions (N, C, H, W) of the images.

        Args:
            versions: taken one by one.
            total: how many there are, for the progress bar.
        """
        for images in one_by_one(versions, total, "input runs"):
            recording = self.recording.again(images.to(self.images.dtype))
            yield Probe(SharedPass(recording, [self.targets])).gradients

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
        return [Probe(shared, self._index, batch_size=self.batch_size) for shared in passes]

    @cached_property
    def hessian_times_activations(self) -> Tensor:
        """The Hessian of each score at `activations`, times the layer's output: (N, C, h, w)."""
        product = hessian_product(self.recording, self.targets, self.images_touch)
        return full(grid_of(self.recording, product))

    @cached_property
    def full_gradients(self) -> FullGradients:
        """What image and biases contribute to the score, from another pass of the model."""
        return full_gradients(self.recording, self.targets, self.images_touch)

    @cached_property
    def attention(self) -> Attention:
        """The attention of each block and its gradients, from another pass of the model.

        Raises:
            LayerError: if the model has no attention over all its patches.
        """
        return attention_of(self.recording, self.targets, self._rank, self.images_touch)

    def guided_gradients(self, nodes: Sequence[str] | None = None) -> tuple[Tensor, int]:
        """Guided backpropagation to the images: (N, C, H, W), and how many ReLUs it guided.

        Args:
            nodes: names of the autograd nodes to guide; None for all ReLUs, ReLU6 and clamps at 0
                among them.
        """
        guided = self._guided_pass(nodes)
        return full(guided.images), guided.guided

    def guided_account(self, nodes: Sequence[str] | None = None) -> str:
        """What `guided_gradients` guided and what it did not, as a note."""
        return self._guided_pass(nodes).account()

    def _guided_pass(self, nodes: Sequence[str] | None) -> GuidedGradients:
        key = nodes if nodes is None else tuple(nodes)
        if key not in self._guided:
            self._guided[key] = guided_gradients(
                self.recording, self.targets, key, self.images_touch
            )
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
        self.ignored_smoothing = False
        return principal_map(evidence) if self._eigen_smooth else evidence.sum(1)

    def zero_gradient(self, image: int) -> bool:
        """Whether a method read the gradients, and they are exactly zero for this image."""
        # A cached property is among the attributes once it was read.
        read = [probe for probe in (self, *self._others) if "gradients" in vars(probe)]
        return bool(read) and not any(bool(probe.gradients[image].any()) for probe in read)


def probes(recording: Recording, targets: Sequence[Targets], **settings: Any) -> list[Probe]:
    """A probe for each of several targets of one recording, which share gradients and runs."""
    shared = SharedPass(recording, targets)
    return [Probe(shared, index, **settings) for index in range(len(targets))]
