"""What ablates a channel of a layer's output, under pytorch-grad-cam's names.

For a chunk of ablations, `AblationCAM` gives the layer the activations by `set_next_batch`, and
calls it for the ablated ones. A subclass may ablate in its own way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .probing import Array
from .utils.svd_on_activations import get_2d_projection

FAR_BELOW = 1e7  # what an ablated channel lies below all others, where there are negative ones


class AblationLayer(nn.Module):
    """Ablates channels of (N, C, h, w): to zero, where that is the least value of the chunk.

    Elsewhere a channel becomes a constant far below the least value, which the channels ablated
    before it have lowered already.

    Attributes:
        indices: the channels still to ablate.
    """

    indices: Any
    activations: Any

    def objectiveness_mask_from_svd(self, activations: Array, threshold: float = 0.01) -> Array:
        """Where the first principal component of (C, h, w) stands out: (h, w), boolean."""
        strength = np.abs(get_2d_projection(activations[None])[0])
        strength = strength - strength.min()
        mask: Array = strength / strength.max() > threshold
        return mask

    def activations_to_be_ablated(
        self, activations: Array, ratio_channels_to_ablate: float = 1.0
    ) -> Array:
        """The channels of (C, h, w) worth ablating; all for a ratio of 1.

        They are that share of the channels which lie the most inside the mask of
        `objectiveness_mask_from_svd`, and the same share of those which lie the least.
        """
        count = len(activations)
        self.indices = np.arange(count, dtype=np.int32)
        if ratio_channels_to_ablate != 1.0:
            mask, rows = self.objectiveness_mask_from_svd(activations), np.abs(activations)
            rows = rows - rows.min(axis=(1, 2), keepdims=True)
            rows = rows / rows.max(axis=(1, 2), keepdims=True)
            inside = (mask * rows).sum((1, 2)) / rows.sum((1, 2))
            order, chosen = np.argsort(inside), int(count * ratio_channels_to_ablate)
            self.indices = np.asarray([*order[::-1][:chosen], *order[:chosen]], np.int32)
        indices: Array = self.indices
        return indices

    def set_next_batch(
        self, input_batch_index: int, activations: Any, num_channels_to_ablate: int
    ) -> None:
        """Take one image's activations, once for each channel of the next chunk."""
        self.activations = _repeated(activations, input_batch_index, num_channels_to_ablate)

    def __call__(self, x: Any) -> Any:
        """The activations of the chunk, in each the next channel ablated; `x` is not read."""
        return self._ablated(self.activations)

    def _ablated(self, output: Tensor) -> Tensor:
        for row, channel in enumerate(self.indices[: len(output)]):
            least = output.min()
            output[row, channel] = 0 if least == 0 else least - FAR_BELOW
        return output


class AblationLayerVit(AblationLayer):
    """Ablates channels of tokens (N, T, C), or of grids (N, h, w, C)."""

    def __call__(self, x: Any) -> Any:
        """As `AblationLayer`, along the last axis."""
        return self._ablated(self.activations.transpose(1, -1)).transpose(1, -1)


class AblationLayerFasterRCNN(AblationLayer):
    """Ablates channels of a feature pyramid: a dict with the levels "0" to "3" and "pool"."""

    def __call__(self, x: Any) -> Any:
        """The pyramid, in each row the next channel, counted through all levels, at -1000."""
        levels = list(self.activations.values())
        for row, index in enumerate(self.indices[: len(levels[0])]):
            level, channel = divmod(int(index), levels[0].shape[1])
            levels[level][row, channel] = -1000
        return self.activations

    def set_next_batch(
        self, input_batch_index: int, activations: Any, num_channels_to_ablate: int
    ) -> None:
        """Take one image's pyramid, once for each channel of the next chunk."""
        taken = {
            key: _repeated(level, input_batch_index, num_channels_to_ablate)
            for key, level in activations.items()
        }
        self.activations: Mapping[str, Tensor] = taken


def _repeated(activations: Tensor, image: int, times: int) -> Tensor:
    return torch.stack([activations[image]] * times)
