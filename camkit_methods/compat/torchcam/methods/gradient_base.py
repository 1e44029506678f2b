"""What extractors by gradients share: the layer's output is kept, and the score is pulled to it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from camkit_core import RunError

from .core import _CAM
from .scoring import class_scores, target_scores


class _GradCAM(_CAM):
    """An extractor that needs the gradients of the score at its target layers."""

    def __init__(
        self,
        model: nn.Module,
        target_layer: nn.Module | str | list[nn.Module | str] | None = None,
        input_shape: tuple[int, ...] = (3, 224, 224),
        **kwargs: Any,
    ) -> None:
        super().__init__(model, target_layer, input_shape, **kwargs)
        self._relu = self._score_used = self._targets_supported = True
        self._hook_layers(self._hook_g)

    def reset_hooks(self) -> None:
        """Forget the activations, outputs and gradients that were kept."""
        super().reset_hooks()
        self._hook_outputs: list[Any] = [None] * len(self.target_names)

    def _hook_g(self, module: nn.Module, args: Any, output: Tensor, idx: int = 0) -> None:
        if self._hooks_enabled:
            self._hook_outputs[idx] = output

    def _backprop(
        self, scores: Any, class_idx: Any, retain_graph: bool = False, targets: Any = None
    ) -> None:
        """Pull the sum of the samples' scores to the layers' outputs; parameters get no gradient.

        Raises:
            RunError: if a score does not depend on a layer's output.
        """
        asked = (
            class_scores(scores, class_idx) if targets is None else target_scores(scores, targets)
        )
        try:
            gradients = torch.autograd.grad(
                asked.sum(), self._hook_outputs, retain_graph=retain_graph
            )
        except RuntimeError as error:
            raise RunError(
                f"the score is not connected to every target layer ({error}); run the model with "
                f"gradients, and pass retain_graph=True to ask more than once after one pass"
            ) from error
        self.hook_g = [self._reshaped(gradient).detach() for gradient in gradients]
