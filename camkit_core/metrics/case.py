"""One explanation on trial: all that a metric sees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

import torch
from torch import Tensor

from ..maps import heatmaps
from ..probe.probe import Probe
from ..probe.shared import SharedPass
from ..results.configured_method import ConfiguredMethod
from .shuffled_weights import cascade, shuffle, weights_kept


class Case:
    """A method's maps for one target of N images, and what may be asked about them.

    Args:
        probe: of the images as they are.
        plan: the method.
        cam: its maps.
        seed: of whatever a metric draws.

    Attributes:
        images: (N, C, H, W), what the model was given; in shapes, as for a `Probe`.
        cam: (N, h, w), signed, at the layer's grid.
        heatmaps: (N, H, W), float32, in [0, 1], as `Explanation.heatmap`.
        seed: of whatever a metric draws.
        notes: what the reader is to know.
    """

    def __init__(self, probe: Probe, plan: ConfiguredMethod, cam: Tensor, seed: int = 0) -> None:
        self.images = probe.images
        self.cam = cam
        self.heatmaps = heatmaps(cam, probe.images.shape[2:])
        self.seed = seed
        self.notes: list[str] = []
        self._probe = probe
        self._plan = plan

    def scores(self, image: int, edits: Iterable[Tensor], total: int) -> Tensor:
        """The target's score for edited versions of one image: (M,).

        Args:
            image: whose target is scored.
            edits: M images (C, H, W), taken one by one and run in chunks.
            total: M.
        """
        return self._probe.input_scores(image, edits, total)

    def probabilities(self, image: int, edits: Iterable[Tensor], total: int) -> Tensor:
        """The same for the probability of the target's class: (M,), in [0, 1].

        Raises:
            TargetError: if the target is no class.
        """
        return self._probable.input_scores(image, edits, total)

    def explained(self, images: Tensor) -> Tensor:
        """The heatmaps (N, H, W) of other images of the same shape, by the same method."""
        return heatmaps(self._asked(images), images.shape[2:])

    def randomised(self, depths: int = 4) -> Iterator[tuple[str, Tensor]]:
        """Heatmaps (N, H, W) while more and more of the network's weights are shuffled.

        From the output to the input, cumulatively (Adebayo et al. 2018, arXiv 1810.03292); when
        the iteration ends, in whatever way, each parameter is what it was.

        Args:
            depths: how many times it stops to explain; the last time, all weights are shuffled.

        Yields:
            The name of the deepest layer shuffled so far, and the heatmaps.
        """
        model = self._probe.recording.model
        generator = torch.Generator().manual_seed(self.seed)
        with weights_kept(model):
            for part in cascade(model, depths):
                for _, module in part:
                    shuffle(module, generator)
                yield part[-1][0], self.explained(self.images)

    def note(self, text: str) -> None:
        """Tell the reader something, once."""
        if text not in self.notes:
            self.notes.append(text)

    @cached_property
    def _probable(self) -> Probe:
        return self._probe.of_probabilities()

    def _asked(self, images: Tensor) -> Tensor:
        shared = SharedPass(self._probe.recording.again(images), [self._probe.targets])
        return self._plan.run(Probe(shared, batch_size=self._probe.batch_size))
