"""The five methods as their papers write them: whole runs of the model, one channel at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from camkit_core import Adapter

Score = Callable[[Tensor], Tensor]


def scores_with(
    model: nn.Module, images: Tensor, adapter: Adapter, change: Score, target: Score
) -> Tensor:
    """The scores (N,) of a whole run of the model with its layer's output changed."""

    def hook(module: nn.Module, args: Any, output: Tensor) -> Tensor:
        if adapter.after == ("relu",):
            # The model's own ReLU follows; it would stop the gradient at an exact zero.
            output = output.clamp(min=torch.finfo(output.dtype).tiny)
        return change(adapter.activation(output) if adapter.activation else output)

    handle = adapter.layer.register_forward_hook(hook)
    try:
        return torch.stack([target(row) for row in model(images)])
    finally:
        handle.remove()


def observed(
    model: nn.Module, images: Tensor, adapter: Adapter, target: Score
) -> tuple[Tensor, Tensor, Tensor]:
    """The layer's output and its gradient, both in the layer's own layout, and the scores."""
    kept: list[Tensor] = []

    def change(output: Tensor) -> Tensor:
        kept.append(output.detach().clone().requires_grad_())
        return kept[0].clone()

    with torch.enable_grad():
        scores = scores_with(model, images, adapter, change, target)
        (gradient,) = torch.autograd.grad(scores.sum(), kept[0])
    return kept[0].detach(), gradient, scores.detach()


def weights(
    method: str, model: nn.Module, images: Tensor, adapter: Adapter, target: Score
) -> tuple[Tensor, Tensor]:
    """The channel weights (N, C) of a method and the activations (N, C, *grid), at any rank."""
    reshape = adapter.reshape or (lambda output: output)
    raw, raw_gradient, scores = observed(model, images, adapter, target)
    A, g = reshape(raw), reshape(raw_gradient)
    S = A.flatten(2).sum(2)
    if method == "gradcam":
        return g.flatten(2).mean(2), A
    if method == "gradcam++":
        alpha = 1 / (2 + _spread(S.clamp(min=0), A) * g.clamp(min=0))
        return (alpha * g.clamp(min=0)).flatten(2).sum(2), A
    if method == "xgradcam":
        vanishing = S.abs() <= 1e-3 * A.abs().flatten(2).sum(2)
        return torch.where(vanishing, g.flatten(2).mean(2), (A * g).flatten(2).sum(2) / S), A
    with torch.no_grad():
        if method == "ablationcam":
            return scores[:, None] - _ablated(model, images, adapter, target, A.shape[1]), A
        return _masked(model, images, A, target).softmax(1), A


def _ablated(
    model: nn.Module, images: Tensor, adapter: Adapter, target: Score, channels: int
) -> Tensor:
    def without(channel: int) -> Score:
        def change(output: Tensor) -> Tensor:
            changed = output.clone()
            changed.select(1 if adapter.reshape is None else -1, channel).zero_()
            return changed

        return change

    return torch.stack(
        [scores_with(model, images, adapter, without(k), target) for k in range(channels)], 1
    )


def _masked(model: nn.Module, images: Tensor, maps: Tensor, target: Score) -> Tensor:
    columns = []
    for channel in maps.unbind(1):
        mode = {3: "linear", 4: "bilinear", 5: "trilinear"}[images.ndim]
        mask = F.interpolate(channel[:, None], images.shape[2:], mode=mode)
        ends = mask.flatten(1).amin(1), mask.flatten(1).amax(1)
        low, high = (_spread(end[:, None], mask) for end in ends)
        mask = torch.where(high > low, (mask - low) / (high - low), torch.zeros_like(mask))
        columns.append(torch.stack([target(row) for row in model(images * mask)]))
    return torch.stack(columns, 1)


def cam(method: str, model: nn.Module, images: Tensor, adapter: Adapter, target: Score) -> Tensor:
    """The signed map (N, h, w) of a method."""
    given, A = weights(method, model, images, adapter, target)
    return (_spread(given, A) * A).sum(1)


def _spread(values: Tensor, like: Tensor) -> Tensor:
    """(N, C) with as many axes as `like` has."""
    return values.reshape(*values.shape, *[1] * (like.ndim - 2))
