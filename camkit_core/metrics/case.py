"""What a metric sees: one method's maps for one target, and runs of the model on edited images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

import torch
from torch import Tensor

from ..maps import heatmaps
from ..probe.further.configured_method import ConfiguredMethod
from ..probe.probe import Probe
from ..probe.shared import SharedPass
from .shuffled_weights import cascade, shuffle, weights_kept


class Case:
    """A method's maps for one target of N images, and what a metric can compute with them.

    Args:
        probe: the probe of the unedited images.
        plan: the method with its options.
        cam: its maps.
        seed: for the random numbers of a metric.

    Attributes:
        images: (N, C, H, W), the model's input; for signals and volumes as in a `Probe`.
        cam: (N, h, w), signed, at the layer's grid.
        heatmaps: (N, H, W), float32, in [0, 1], as `Explanation.heatmap`.
        seed: for the random numbers of a metric.
        notes: the notes that the metric adds to the explanation.
    """

    def __init__(self, probe: Probe, plan: ConfiguredMethod, cam: Tensor, seed: int = 0) -> None:
        # Copies, as other metrics read the same images and maps.
        self.images = probe.images.clone()
        self.cam = cam.clone()
        self.heatmaps = heatmaps(cam, probe.images.shape[2:])
        self.seed = seed
        self.notes: list[str] = []
        self._probe = probe
        self._method = plan

    def scores(self, image: int, edits: Iterable[Tensor], total: int) -> Tensor:
        """The target's score for edited versions of one image: (M,).

        Args:
            image: the index of the image whose target is scored.
            edits: M images (C, H, W), which are read one by one and run in chunks.
            total: M.
        """
        return self._probe.input_scores(image, edits, total)

    def probabilities(self, image: int, edits: Iterable[Tensor], total: int) -> Tensor:
        """The probability of the target's class for edited versions of one image: (M,), in [0, 1].

        The arguments are those of `scores`.

        Raises:
            TargetError: if the target is no class.
        """
        return self._probabilities.input_scores(image, edits, total)

    def explained(self, images: Tensor) -> Tensor:
        """The heatmaps (N, H, W) of other images of the same shape, by the same method."""
        return heatmaps(self._maps(images), images.shape[2:])

    def randomised(self, depths: int = 4) -> Iterator[tuple[str, Tensor]]:
        """Heatmaps (N, H, W) while more and more of the network's weights are shuffled.

        The weights are shuffled from the output to the input, cumulatively (Adebayo et al. 2018,
        arXiv 1810.03292). When the iteration ends, also by an error, each parameter is restored.

        Args:
            depths: how many times the images are explained; the last time, all weights are
                shuffled.

        Yields:
            The name of the deepest layer shuffled so far, and the heatmaps.
        """
        model = self._probe.recording.model
        generator = torch.Generator().manual_seed(self.seed)
        with weights_kept(model):
            for layers in cascade(model, depths):
                for _, module in layers:
                    shuffle(module, generator)
                deepest, _ = layers[-1]
                yield deepest, self.explained(self.images)

    def note(self, text: str) -> None:
        """Add a note to the explanation, unless it has it already."""
        if text not in self.notes:
            self.notes.append(text)

    @cached_property
    def _probabilities(self) -> Probe:
        return self._probe.of_probabilities()

    def _maps(self, images: Tensor) -> Tensor:
        shared = SharedPass(self._probe.recording.again(images), [self._probe.targets])
        probe = Probe(shared, batch_size=self._probe.batch_size)
        return self._method.run(probe.for_method([], self._method.is_camkits_own))
