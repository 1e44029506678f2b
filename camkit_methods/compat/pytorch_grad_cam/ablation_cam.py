"""Ablation-CAM, under pytorch-grad-cam's name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from camkit_core import Probe

from .ablation_layer import AblationLayer, AblationLayerVit
from .activations_and_gradients import Reshape
from .base_cam import BaseCAM
from .bundle import Bundled
from .probing import Array, Needs


class AblationCAM(BaseCAM):
    """Ablation-CAM of scores relative to the plain one, see `camkit_methods.ablationcam`.

    Args:
        model: any eager PyTorch model.
        target_layers: modules of it.
        reshape_transform: from a layer's output to (N, C, h, w).
        ablation_layer: what ablates a channel.
        batch_size: how many channels it ablates at once, and rows in one run.
        ratio_channels_to_ablate: see `AblationLayer.activations_to_be_ablated`; other channels get
            no weight.
    """

    needs: Needs = "tail"
    scores = True
    batch_size: int

    def __init__(
        self,
        model: nn.Module,
        target_layers: Sequence[nn.Module],
        reshape_transform: Reshape | None = None,
        ablation_layer: AblationLayer = AblationLayer(),  # noqa: B008 - holds nothing between calls
        batch_size: int = 32,
        ratio_channels_to_ablate: float = 1.0,
    ) -> None:
        super().__init__(model, target_layers, reshape_transform, uses_gradients=False)
        self.batch_size = batch_size
        self.ablation_layer = ablation_layer
        self.ratio_channels_to_ablate = ratio_channels_to_ablate

    def get_cam_weights(
        self, input_tensor: Any, target_layer: Any, targets: Any, activations: Any, grads: Any
    ) -> Array:
        """How far the score drops without each channel, as a share of the score: (N, C)."""

        def read(probe: Probe) -> Array:
            bundle = self._asked.bundles.get(target_layer)
            zeros = bundle is None and self._ablates_to_zero(probe)
            scores = probe.ablated_scores() if zeros else self._ablated_scores(probe, bundle)
            own = probe.scores[:, None]
            drops: Array = ((own - scores) / own).cpu().numpy()
            return drops

        return self.of_probe(read, input_tensor, target_layer, targets)

    def _ablates_to_zero(self, probe: Probe) -> bool:
        """Whether the ablation layer makes zeros of each channel of the grid."""
        usual = AblationLayer if self.reshape_transform is None else AblationLayerVit
        every = type(self.ablation_layer) is usual and self.ratio_channels_to_ablate == 1
        return every and bool((probe.recording.raw.flatten(1).amin(1) == 0).all())

    def _ablated_scores(self, probe: Probe, bundle: Bundled | None) -> Tensor:
        """The scores (N, C) from runs of what the ablation layer gives."""
        layer, ratio = self.ablation_layer, self.ratio_channels_to_ablate
        grid = probe.activations.cpu().numpy()
        chosen = np.stack([layer.activations_to_be_ablated(each, ratio) for each in grid])
        edits = self._edits(probe.recording.raw.detach(), chosen, bundle)
        scores = probe.tail_scores(edits, chosen.shape[1]).T
        every = probe.scores[:, None].repeat(1, grid.shape[1])
        return every.scatter(1, torch.as_tensor(chosen).long().to(every.device), scores)

    def _edits(self, raw: Tensor, chosen: Array, bundle: Bundled | None) -> Iterator[Tensor]:
        """The layer's output for all images, without the next channel of each."""
        for channels in np.array_split(
            chosen, range(self.batch_size, chosen.shape[1], self.batch_size), 1
        ):
            rows = [self._chunk(raw, image, each, bundle) for image, each in enumerate(channels)]
            yield from torch.stack(rows, 1)

    def _chunk(self, raw: Tensor, image: int, channels: Array, bundle: Bundled | None) -> Tensor:
        """One image's part of the output, in each row without the next channel."""
        layer = self.ablation_layer
        layer.indices = channels
        layer.set_next_batch(image, bundle.apart(raw) if bundle else raw, len(channels))
        return bundle.together(layer(None)) if bundle else layer(None)
