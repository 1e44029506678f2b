"""Full, unoptimised runs: each method's map computed as its paper says."""

from __future__ import annotations

from typing import Any

import torch
from contenders import TARGET
from networks import Network
from torch import Tensor, nn


@torch.no_grad()
def ablated_scores(model: nn.Module, layer: nn.Module, x: Tensor, channels: Tensor) -> Tensor:
    """The score with each of `channels` set to zero, each by a forward pass of the whole model."""
    scores = []
    for channel in channels.tolist():

        def ablate(module: nn.Module, args: Any, output: Tensor, channel: int = channel) -> Tensor:
            edited = output.clone()
            edited.select(-1 if output.ndim == 3 else 1, channel).zero_()
            return edited

        handle = layer.register_forward_hook(ablate)
        scores.append(model(x)[0, TARGET])
        handle.remove()
    return torch.stack(scores)


def captured(model: nn.Module, network: Network, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Activations and gradients (C, h, w) of one image by a whole backward pass, and the score."""
    kept: list[Tensor] = []

    def keep(module: nn.Module, args: Any, output: Tensor) -> Tensor:
        output.retain_grad()
        kept.append(output)
        return output.clone()

    handle = network.layer(model).register_forward_hook(keep)
    score = model(x)[0, TARGET]
    handle.remove()
    score.backward()
    reshape = network.reshape or (lambda tensor: tensor)
    activations, gradients = reshape(kept[0].detach()), reshape(kept[0].grad)
    model.zero_grad(set_to_none=True)
    return activations[0], gradients[0], score.detach()


@torch.no_grad()
def scorecam(model: nn.Module, network: Network, x: Tensor, channels: int) -> Tensor:
    """Score-CAM's map of one image by Algorithm 1, its most varied channels scored one by one."""
    activations = network.activations(model, x)[0].double()
    most_varied = activations.flatten(1).var(1).topk(channels).indices
    scores = []
    for channel in most_varied.tolist():
        mask = _stretched(activations[None, None, channel])
        mask = nn.functional.interpolate(mask, x.shape[-2:], mode="bilinear", align_corners=False)
        scores.append(model((x * _stretched(mask)).to(x))[0, TARGET].double())
    all_scores = torch.stack(scores).min().repeat(len(activations))
    all_scores[most_varied] = torch.stack(scores)
    return torch.einsum("c,chw->hw", all_scores.softmax(0), activations)


def _stretched(mask: Tensor) -> Tensor:
    return (mask - mask.min()) / (mask.max() - mask.min()).clamp(min=1e-300)


def gradient_weights(method: str, activations: Tensor, gradients: Tensor) -> Tensor:
    """The weights (C,) of a gradient method, from its paper's formula in double precision."""
    a, g = activations.double(), gradients.double()
    total = a.sum((1, 2))
    if method == "gradcam":
        return g.mean((1, 2))
    if method == "xgradcam":
        fallback = total.abs() <= 1e-3 * a.abs().sum((1, 2))
        return torch.where(fallback, g.mean((1, 2)), (a * g).sum((1, 2)) / total)
    alpha = 1 / (2 + total.clamp(min=0)[:, None, None] * g)
    return torch.where(g > 0, alpha * g, 0).sum((1, 2))
