"""The extractors that weight activations by gradients.

Where torch-cam computes something else than the method's paper, the map here is torch-cam's; the
docstring says what differs, and which method of camkit follows the paper.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ....gradcam import gradcam
from .gradient_base import _GradCAM
from .hooked import HookedPass, channel_weights


class GradCAM(_GradCAM):
    """Grad-CAM, see `camkit_methods.gradcam`."""

    def _get_weights(self, class_idx: Any, scores: Any = None, **kwargs: Any) -> list[Tensor]:
        self._backprop(scores, class_idx, **kwargs)
        pairs = zip(self.hook_a, self.hook_g, strict=True)
        return [channel_weights(gradcam, HookedPass(*pair)) for pair in pairs]


class GradCAMpp(_GradCAM):
    """Grad-CAM++ as torch-cam 0.5 computes it: the weights are the sums of relu(g)^3.

    It divides a copy of the coefficients, so the numerator stays alone. The method "gradcam++" of
    camkit has the paper's equation 19.
    """

    def _get_weights(
        self, class_idx: Any, scores: Any = None, eps: float = 1e-8, **kwargs: Any
    ) -> list[Tensor]:
        self._backprop(scores, class_idx, **kwargs)
        return [gradient.relu().pow(3).flatten(2).sum(2) for gradient in self.hook_g]


class XGradCAM(_GradCAM):
    """XGrad-CAM with `eps` added to a channel's sum, which may vanish where activations are signed.

    The method "xgradcam" of camkit guards such channels.
    """

    def _get_weights(
        self, class_idx: Any, scores: Any = None, eps: float = 1e-8, **kwargs: Any
    ) -> list[Tensor]:
        self._backprop(scores, class_idx, **kwargs)
        return [
            (gradient * activation).flatten(2).sum(2) / (activation.flatten(2).sum(2) + eps)
            for activation, gradient in zip(self.hook_a, self.hook_g, strict=True)
        ]


class LayerCAM(_GradCAM):
    """LayerCAM, see `camkit_methods.layercam`: each position has the weight relu(g)."""

    def _get_weights(self, class_idx: Any, scores: Any = None, **kwargs: Any) -> list[Tensor]:
        self._backprop(scores, class_idx, **kwargs)
        return [gradient.relu() for gradient in self.hook_g]

    @staticmethod
    def _scale_cams(cams: list[Tensor], gamma: float = 2.0) -> list[Tensor]:
        """Equation 9 of the paper: tanh(gamma M), which evens the layers out."""
        return [torch.tanh(gamma * cam) for cam in cams]


class SmoothGradCAMpp(_GradCAM):
    """Smooth Grad-CAM++ as torch-cam 0.5 computes it, with noise of torch's own random state.

    The last noisy image, not the mean or the image itself, gives the activations of the map and
    the gradient that the coefficients are multiplied by. The method "smoothgradcam++" of camkit
    has the paper's means.

    Args:
        model: the model that the user runs.
        target_layer: a module, its dotted name, a list of these, or None for the last grid.
        num_samples: how many noisy versions of the input.
        std: the noise's standard deviation.
        input_shape: of one image, for the automatic choice.
        kwargs: `enable_hooks` and `reshape_transform`.
    """

    def __init__(
        self,
        model: nn.Module,
        target_layer: nn.Module | str | list[nn.Module | str] | None = None,
        num_samples: int = 4,
        std: float = 0.3,
        input_shape: tuple[int, ...] = (3, 224, 224),
        **kwargs: Any,
    ) -> None:
        super().__init__(model, target_layer, input_shape, **kwargs)
        self._score_used = False
        self.hook_handles.append(model.register_forward_pre_hook(self._store_input))
        self.num_samples, self.std = num_samples, std
        self._distrib = torch.distributions.Normal(0, std)
        self._ihook_enabled = True

    def _store_input(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        if self._ihook_enabled:
            self._input = args[0].detach().clone()

    def _get_weights(
        self, class_idx: Any, scores: Any = None, eps: float = 1e-8, **kwargs: Any
    ) -> list[Tensor]:
        before, self._ihook_enabled = self._ihook_enabled, False
        try:
            return self._smooth_weights(class_idx, eps, **kwargs)
        finally:
            self._ihook_enabled = before

    def _smooth_weights(self, class_idx: Any, eps: float, **kwargs: Any) -> list[Tensor]:
        original, count = list(self.hook_a), self.num_samples
        second: list[Any] = [0.0] * len(original)
        third: list[Any] = [0.0] * len(original)
        for _ in range(count):
            self._noisy_pass(class_idx, **kwargs)
            for layer, gradient in enumerate(self.hook_g):
                second[layer] = second[layer] + gradient**2 / count
                third[layer] = third[layer] + gradient**3 / count
        parts = zip(original, second, third, self.hook_g, strict=True)
        return [_smooth(*each, eps) for each in parts]

    def _noisy_pass(self, class_idx: Any, **kwargs: Any) -> None:
        sample: Any = self._distrib.sample
        noise = sample(self._input.size()).to(self._input.device)
        self._backprop(self.model((self._input + noise).requires_grad_()), class_idx, **kwargs)

    def _extra_repr(self) -> str:
        return f"{super()._extra_repr()}, num_samples={self.num_samples}, std={self.std}"


def _smooth(act: Tensor, second: Tensor, third: Tensor, last: Tensor, eps: float) -> Tensor:
    total = (third * act).flatten(2).sum(2).view(*act.shape[:2], *[1] * (act.ndim - 2))
    alpha = second / (2 * second + total + eps)
    return (alpha * last.relu()).flatten(2).sum(2)
