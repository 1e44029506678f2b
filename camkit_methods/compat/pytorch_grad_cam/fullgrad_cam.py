"""FullGrad, under pytorch-grad-cam's name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from camkit_core import Probe, upsample

from .activations_and_gradients import Reshape
from .arrays import shows
from .base_cam import BaseCAM, Targets
from .bundle import mapped
from .probing import Array
from .several import gradients_throughout
from .utils.find_layers import find_layer_predicate_recursive
from .utils.image import scale_accross_batch_and_channels, scale_cam_image
from .utils.svd_on_activations import get_2d_projection


class FullGrad(BaseCAM):
    """FullGrad with an epsilon of 1e-7 under each channel's maximum, see `camkit_methods.fullgrad`.

    So channels whose shares are smaller than that add next to nothing.

    Args:
        model: any eager PyTorch model.
        target_layers: not read: all convolutions and batch norms with a bias count.
        reshape_transform: not read.
    """

    def __init__(
        self,
        model: nn.Module,
        target_layers: Sequence[nn.Module],
        reshape_transform: Reshape | None = None,
    ) -> None:
        biased = find_layer_predicate_recursive(model, _has_bias)
        super().__init__(model, biased, None, compute_input_gradient=True)
        self.bias_data = [self.get_bias_data(layer).cpu().numpy() for layer in biased]

    def get_bias_data(self, layer: Any) -> Tensor:
        """All that a layer adds: of a batch norm also its running mean."""
        if not isinstance(layer, nn.BatchNorm2d):
            bias: Tensor = layer.bias.detach()
            return bias
        scale: Any = layer.weight / torch.sqrt(torch.as_tensor(layer.running_var) + layer.eps)
        added: Tensor = (layer.bias - layer.running_mean * scale).detach()
        return added

    def compute_cam_per_layer(
        self, input_tensor: Tensor, targets: Targets, eigen_smooth: bool
    ) -> Any:
        """The shares of images and biases, summed: (N, 1, H, W)."""

        shares = self._shares(input_tensor, targets)
        if shares and shows(maps := _maps(shares, eigen_smooth)):
            return maps[:, None]
        return self._by_engine(input_tensor, targets, eigen_smooth)

    def _shares(self, images: Tensor, targets: Targets) -> list[Tensor] | None:
        """Gradient times image, and gradient times bias of each layer: (N, C, h, w) each."""
        self.outputs, gradients = gradients_throughout(
            self.model, images, targets, self.target_layers
        )
        if not gradients:
            return None
        added = [torch.from_numpy(each).to(images.device) for each in self.bias_data]
        pairs = zip(gradients[1:], added, strict=True)
        return [gradients[0] * images, *(grad * bias[:, None, None] for grad, bias in pairs)]

    def _by_engine(self, images: Tensor, targets: Targets, eigen_smooth: bool) -> Any:
        """The same by camkit's own watch of all biases, where hooks do not see them."""

        def read(probe: Probe) -> Array:
            self.outputs = mapped(Tensor.detach, probe.recording.output)
            gradients = probe.full_gradients
            return _maps([gradients.images, *gradients.biases], eigen_smooth)

        return self._asked.at(self.target_layers[-1], images, targets, read)[:, None]

    def aggregate_multi_layers(self, cam_per_target_layer: Any) -> Array:
        """The shares, brought to [0, 1]: (N, H, W)."""
        return scale_cam_image(np.sum(cam_per_target_layer, axis=1))


def _has_bias(layer: nn.Module) -> bool:
    return type(layer) in (nn.Conv2d, nn.BatchNorm2d) and layer.bias is not None


def _stretched(shares: Tensor) -> Tensor:
    """The absolute value of each channel, less its minimum, over its maximum."""
    size = shares.abs().float()
    lowered = size - size.amin((2, 3), keepdim=True)
    return lowered / (1e-7 + lowered.amax((2, 3), keepdim=True))


def _maps(shares: Sequence[Tensor], eigen_smooth: bool) -> Array:
    """The map (N, H, W) of shares (N, C, h, w), those of the images (N, C, H, W) first."""
    size = shares[0].shape[2:]
    rows = [_stretched(shares[0]), *(_stretched(each).sum(1, keepdim=True) for each in shares[1:])]
    maps = [upsample(each.flatten(0, 1), size).view(*each.shape[:2], *size) for each in rows]
    return _joined(torch.cat(maps, 1).cpu().numpy(), eigen_smooth)


def _joined(maps: Array, eigen_smooth: bool) -> Array:
    """Maps (N, M, H, W) summed, or projected at an eighth of their size."""
    if not eigen_smooth:
        summed: Array = maps.sum(1)
        return summed
    size = maps.shape[:1:-1]
    small = scale_accross_batch_and_channels(maps, [side // 8 for side in size])
    projection: Array = scale_accross_batch_and_channels(get_2d_projection(small)[:, None], size)
    return projection[:, 0]
