"""Several layers in one pass of the model: their outputs, and gradients if they are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import get_gradient_edge

from camkit_core import untouched

from .activations_and_gradients import Reshape
from .arrays import best, detached
from .bundle import mapped

Targets = Sequence[Callable[..., Tensor]] | None
Pair = tuple[Tensor, Tensor | None]  # of a layer: activations, and gradients


class Unusual(Exception):
    """A pass that the engine has to look into, a layer at a time."""


class Outputs:
    """What hooks keep of layers that are explained together.

    The graph begins at the first of them to run, which hands on a copy. What is kept are copies,
    and each layer's place in the graph as it was, so that a function which works in place after a
    layer changes nothing of it.

    Args:
        gradients: whether there is a graph.

    Attributes:
        values: the layers' outputs.
        places: where the gradients at them are read.
    """

    def __init__(self, gradients: bool) -> None:
        self.gradients = gradients
        self.values: dict[nn.Module, Tensor] = {}
        self.places: dict[nn.Module, Any] = {}

    def keep(self, module: nn.Module, args: Any, output: Any) -> Tensor | None:
        """A forward hook."""
        if type(output) is not Tensor or module in self.values:
            raise Unusual
        first, self.values[module] = not self.values, output.detach().clone()
        if not self.gradients:
            return None
        if not first:
            self.places[module] = get_gradient_edge(output)
            return None
        torch.set_grad_enabled(True)
        # What works in place has other names in the model's code, and hands on its own tensor.
        in_place = getattr(module, "inplace", False)
        leaf = (output if in_place else output.detach().clone()).requires_grad_()
        self.places[module] = get_gradient_edge(leaf)
        return None if in_place else leaf.clone()


def explained_together(
    model: nn.Module,
    images: Tensor,
    targets: Targets,
    layers: Sequence[nn.Module],
    reshape: Reshape | None,
    gradients: bool,
) -> tuple[Any, list[Pair]]:
    """The model's output, detached, and each layer's activations and gradients: (N, C, h, w).

    Args:
        model: the model, which is left as it was.
        images: (N, C, H, W).
        targets: one for each image; None for the class of the greatest score.
        layers: the layers.
        reshape: from a layer's output to (N, C, h, w).
        gradients: whether gradients are wanted; they are None otherwise.

    Returns:
        No pair where the engine has to look into it, a layer at a time.
    """
    outputs = Outputs(gradients)
    try:
        with untouched(model), ExitStack() as hooks:
            for layer in layers:
                hooks.callback(layer.register_forward_hook(outputs.keep).remove)
            output = model(images.clone())
            places = [outputs.places[layer] for layer in layers if gradients]
            pulled = pulled_to(places, output, targets) if gradients else [None] * len(layers)
            read = reshape or (lambda tensor: tensor)
            grids = [read(outputs.values[layer]) for layer in layers]
            slopes = [each if each is None else read(each) for each in pulled]
            return mapped(detached, output), list(zip(grids, slopes, strict=True))
    except Exception:  # noqa: BLE001 - the engine says what is wrong, if anything is
        return None, []


def gradients_throughout(
    model: nn.Module, images: Tensor, targets: Targets, layers: Sequence[nn.Module]
) -> tuple[Any, list[Tensor]]:
    """The model's output, detached, and the gradients at the images and at each layer's output.

    Returns:
        No gradient where the engine has to look into it.
    """
    found: dict[nn.Module, Any] = {}

    def watch(module: nn.Module, args: Any, output: Any) -> None:
        if module in found:
            raise Unusual
        found[module] = None
        # What works in place after the layer has another gradient, of which this hears nothing.
        output.register_hook(lambda gradient: found.update({module: gradient}))

    try:
        with untouched(model), torch.enable_grad(), ExitStack() as hooks:
            for layer in layers:
                hooks.callback(layer.register_forward_hook(watch).remove)
            start = images.detach().clone().requires_grad_()
            output = model(start.clone())
            at_images = pulled_to([start], output, targets)
        if any(found[layer] is None for layer in layers):
            return None, []
        return mapped(detached, output), [*at_images, *(found[layer] for layer in layers)]
    except Exception:  # noqa: BLE001 - the engine says what is wrong, if anything is
        return None, []


def pulled_to(places: Sequence[Any], output: Any, targets: Targets) -> Sequence[Tensor]:
    """The gradient of the sum of the targets' scores at each of some places in the graph."""
    asked: Any = best(output) if targets is None else targets
    if not isinstance(output, Tensor) or len(asked) != len(output):
        raise Unusual
    loss: Any = sum(target(each) for target, each in zip(asked, output, strict=True))
    return torch.autograd.grad(loss, places)
