"""What a method of camkit reads of a probe, of a pass that the user ran and hooks saw."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, cast

from torch import Tensor

from camkit_core import Probe

InputScores = Callable[[int, Iterable[Tensor], int], Tensor]


class HookedPass:
    """Stands in for a `Probe` where the forward pass is the user's own.

    A method asks it for a weighted sum of the activations, and gets the weights: the extractor
    sums by itself, as torch-cam does.

    Args:
        activations: the layer's output (N, C, h, w).
        gradients: those of the scores, for methods that read them.
        images: the input (N, C, H, W), for methods that mask it.
        input_scores: scores (M,) of one image's target for M edited images.
    """

    def __init__(
        self,
        activations: Tensor,
        gradients: Tensor | None = None,
        images: Tensor | None = None,
        input_scores: InputScores | None = None,
    ) -> None:
        self.activations, self.gradients, self.images = activations, gradients, images
        self.spatial_axes = tuple(range(2, activations.ndim))
        self.scores = activations.new_zeros(len(activations))
        self._input_scores = input_scores

    def input_scores(
        self,
        image: int,
        edits: Iterable[Tensor],
        total: int,
        share: Hashable = None,
        fast: str | Sequence[str] = (),
    ) -> Tensor:
        """The scores (M,) of one image's target for edited images (C, H, W)."""
        assert self._input_scores is not None
        return self._input_scores(image, edits, total)

    def weighted_sum(self, weights: Tensor) -> Tensor:
        """The weights (N, C) themselves."""
        return weights


def channel_weights(method: Callable[..., Tensor], hooked: HookedPass, **options: Any) -> Tensor:
    """The weights (N, C) that a method of camkit gives the channels."""
    return method(cast(Probe, hooked), **options)
