"""Guided backpropagation through the ReLU modules of a model, under pytorch-grad-cam's names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from camkit_core import untouched

from .probing import Array


class GuidedBackpropReLU(torch.autograd.Function):
    """A ReLU whose backward pass carries on what is positive, and no more."""

    @staticmethod
    def forward(ctx: Any, input_img: Tensor) -> Tensor:
        """The ReLU of the input."""
        ctx.save_for_backward(input_img)
        return input_img.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        """The gradient where it and the input are positive."""
        passed: Tensor = grad_output.clamp(min=0) * (ctx.saved_tensors[0] > 0)
        return passed


class GuidedBackpropReLUasModule(nn.Module):
    """`GuidedBackpropReLU` as a module."""

    def forward(self, input_img: Tensor) -> Tensor:
        """The ReLU of the input."""
        result: Tensor = GuidedBackpropReLU.apply(input_img)
        return result


class GuidedBackpropReLUModel:
    """The gradient at the first image, guided at each `nn.ReLU` of a model.

    camkit's `guided_backprop` guides every ReLU that runs, in functions too. The modules stay in
    their places: their outputs are hooked while the model runs.

    Args:
        model: any eager PyTorch model.
        device: where it is moved to; None leaves it where it is.
    """

    def __init__(self, model: nn.Module, device: Any = None) -> None:
        self.model = model if device is None else model.to(torch.device(device))
        self.device = torch.device(device) if device else next(model.parameters()).device

    def forward(self, input_img: Tensor) -> Any:
        """What the model returns."""
        return self.model(input_img)

    def __call__(self, input_img: Tensor, target_category: int | None = None) -> Array:
        """The gradient (H, W, C) of a class's score; None for that of the greatest score.

        Args:
            input_img: (N, C, H, W), of which the first is explained.
            target_category: the class.
        """
        image = input_img.detach().to(self.device).clone().requires_grad_()
        with untouched(self.model), torch.enable_grad(), _guided(self.model):
            output = self.forward(image)
            category = int(output[0].argmax()) if target_category is None else target_category
            gradient = torch.autograd.grad(output[0, category], image)[0]
        array: Array = gradient[0].movedim(0, -1).cpu().numpy()
        return array


@contextmanager
def _guided(model: nn.Module) -> Iterator[None]:
    """Inside, no ReLU module's output hands a negative gradient on."""
    relus = [module for module in model.modules() if isinstance(module, nn.ReLU)]
    handles = [relu.register_forward_hook(_guide) for relu in relus]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _guide(module: nn.Module, args: Any, output: Any) -> None:
    if output.requires_grad:
        output.register_hook(lambda gradient: gradient.clamp(min=0))
