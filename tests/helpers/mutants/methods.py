"""A correct Grad-CAM without camkit's engine, and the register of methods with one bug each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from camkit_core import tokens_to_grid

Heatmaps = Callable[..., Tensor]


def correct(model: nn.Module, images: Tensor, target: Any = None, /) -> Tensor:
    """Grad-CAM that keeps every promise, written without camkit's engine."""
    return explained(model, images, target)


def explained(
    model: nn.Module,
    images: Tensor,
    target: Any,
    normalised: Callable[[Tensor], Tensor] | None = None,
    mode: Callable[[nn.Module], None] | None = None,
) -> Tensor:
    training = [module.training for module in model.modules()]
    buffers = [buffer.clone() for buffer in model.buffers()]
    kept: list[Tensor] = []

    def cut(module: nn.Module, args: Any, output: Tensor) -> Tensor:
        kept.append(output.detach().clone().requires_grad_())
        return kept[0].clone()

    handle = model.layer.register_forward_hook(cut)
    try:
        (mode or _evaluate)(model)
        with torch.inference_mode(False), torch.enable_grad():
            logits = model(images.detach().clone())
            scores = logits.gather(1, classes(target, logits)[:, None]).sum()
            (gradients,) = torch.autograd.grad(scores, kept)
    finally:
        handle.remove()
        for module, was in zip(model.modules(), training, strict=True):
            module.training = was
        with torch.no_grad():
            for buffer, values in zip(model.buffers(), buffers, strict=True):
                if not torch.equal(buffer, values):
                    buffer.copy_(values)
    activations = kept[0].detach()
    if activations.ndim == 3:
        network = getattr(model, "network", model)
        sides = (side // network.patch for side in images.shape[2:])
        read = tokens_to_grid(*sides, prefix=network.prefix.shape[1])
        activations, gradients = read(activations), read(gradients)
    cam = (gradients.mean((2, 3), keepdim=True) * activations).sum(1)
    size = images.shape[2:]
    large = F.interpolate(cam.relu()[:, None], size, mode="bilinear", align_corners=False)[:, 0]
    return (normalised or normalised_maps)(large)


def classes(target: Any, logits: Tensor) -> Tensor:
    """One class for each image; an error for a class that does not exist."""
    chosen = logits.argmax(1) if target is None else torch.as_tensor(target).expand(len(logits))
    if int(chosen.max()) >= logits.shape[1]:
        raise IndexError("no such class")
    return chosen


def _evaluate(model: nn.Module) -> None:
    for module in model.modules():
        module.training = False


def normalised_maps(maps: Tensor) -> Tensor:
    top = maps.amax((1, 2), keepdim=True)
    return torch.where(top > 0, maps / top.clamp(min=1e-30), torch.zeros_like(maps))


METHODS: dict[
    str, tuple[str, Heatmaps]
] = {}  # by the bug's name: the check that catches it, and the method


def bug(check: str) -> Callable[[Heatmaps], Heatmaps]:
    """Note a mutant and the check that has to catch it."""

    def noted(mutant: Heatmaps) -> Heatmaps:
        METHODS[mutant.__name__] = check, mutant
        return mutant

    return noted
