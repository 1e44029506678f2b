"""Activations and gradients of layers, as code reads them that runs the model itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

Reshape = Callable[[Any], Tensor]


class ActivationsAndGradients:
    """Called as the model, it keeps the layers' outputs, and their gradients once there are any.

    The layers are hooked while the model runs, and no longer. What is kept are copies, so that
    a function which works in place after the layer changes nothing of it.

    Args:
        model: the model.
        target_layers: its layers.
        reshape_transform: from a layer's output to (N, C, h, w).
        detach: whether to keep values only, on the CPU; else tensors with their graph, as the
            layers gave them.

    Attributes:
        activations: of each layer, in the order in which they ran.
        gradients: of each layer, the same.
    """

    def __init__(
        self,
        model: nn.Module,
        target_layers: Sequence[nn.Module],
        reshape_transform: Reshape | None,
        detach: bool = True,
    ) -> None:
        self.model = model
        self.target_layers = target_layers
        self.reshape_transform = reshape_transform
        self.detach = detach
        self.handles: list[Any] = []
        self.clear()

    def __call__(self, x: Any) -> Any:
        self.clear()
        self.handles = [each.register_forward_hook(self._keep) for each in self.target_layers]
        try:
            return self.model(x)
        finally:
            self._unhook()

    def _keep(self, module: nn.Module, args: Any, output: Any) -> None:
        self.activations.append(self._kept(output))
        if getattr(output, "requires_grad", False):
            # The backward pass meets the layers in the opposite order.
            output.register_hook(lambda grad: self.gradients.insert(0, self._kept(grad)))

    def _kept(self, output: Any) -> Any:
        if not self.detach:
            return output
        grid = output if self.reshape_transform is None else self.reshape_transform(output)
        return grid.detach().cpu().clone()

    def _unhook(self) -> None:
        for handle in self.handles:
            handle.remove()
        self.handles = []

    def clear(self) -> None:
        """Forget what was kept."""
        self.activations: list[Any] = []
        self.gradients: list[Any] = []

    def release(self) -> None:
        """Forget what was kept, and see that nothing is hooked."""
        self._unhook()
        self.clear()


def pull(targets: Sequence[Any], output: Any, images: Tensor, graph: bool) -> None:
    """One backward pass of all targets' scores to the images, which passes the hooked layers.

    Args:
        targets: one for each image.
        output: the model's output.
        images: what gets the gradient, where no graph is asked for.
        graph: whether the gradients have a graph of their own.
    """
    loss: Any = sum(target(each) for target, each in zip(targets, output, strict=False))
    if graph:
        torch.autograd.grad(loss, images, retain_graph=True, create_graph=True)
    else:
        loss.backward(retain_graph=True, inputs=[images])
