"""Ablation-CAM (Desai & Ramaswamy, WACV 2020), https://doi.org/10.1109/WACV45572.2020.9093360."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from annotated_types import Interval
from torch import Tensor

from camkit_core import LayerError, Method, Probe

Variant = Literal["drop", "paper", "slope", "pytorch-grad-cam"]


@Method(group="the five", cost="1 run, tail per channel", needs="tail")
def ablationcam(
    probe: Probe,
    *,
    variant: Variant = "drop",
    ablate: Literal["zero", "mean"] = "zero",
    max_channels: Annotated[int, Interval(ge=1, le=1_000_000)] | None = None,
    ratio_channels_to_ablate: Annotated[float, Interval(gt=0, le=1)] = 1.0,
) -> Tensor:
    """Weight each channel by how far the score drops without it.

    Desai & Ramaswamy, WACV 2020, equation 3: w = (y - y_k) / y, with the score y and the score y_k
    without the channel; "drop" leaves the division out.

    Args:
        probe: the forward pass.
        variant: "drop" for y - y_k; "paper" for (y - y_k) / y, the same map but for the sign of
            the score, which reverses the map when y < 0; "slope" for (y - y_k) / ||A_k||;
            "pytorch-grad-cam" is "paper", refused for signed activations, where that library
            ablates to a value that depends on its batch size.
        ablate: the value of an ablated channel: "zero", or the "mean" over its positions.
        max_channels: ablate only that many channels, those with the greatest variance; the others
            get no weight. None ablates all channels.
        ratio_channels_to_ablate: the same as a share of all channels, at least one of them.

    Returns:
        The map (N, h, w), signed.

    Raises:
        LayerError: for variant "pytorch-grad-cam" on activations with negative values.
    """
    if variant == "pytorch-grad-cam" and bool((probe.activations < 0).any()):
        raise LayerError(
            "variant 'pytorch-grad-cam' is defined for activations >= 0 only, and this layer's "
            "are signed; take variant='paper' or 'drop'"
        )
    count = max_channels
    if ratio_channels_to_ablate < 1:
        share = max(1, int(probe.activations.shape[1] * ratio_channels_to_ablate))
        count = min(share, max_channels or share)
    drops = _drops(probe, "mean" if ablate == "mean" else 0.0, count)
    if variant in ("paper", "pytorch-grad-cam"):
        drops = drops / probe.scores[:, None]
    if variant == "slope":
        norms = probe.activations.flatten(2).norm(dim=2)
        drops = drops.where(norms == 0, drops / norms)
    return probe.weighted_sum(drops)


def _drops(probe: Probe, fill: Literal["mean"] | float, count: int | None) -> Tensor:
    """How far the score drops (N, C) without each channel; 0 for those that are not ablated."""
    channels = probe.activations.shape[1]
    if count is None or count >= channels:
        return probe.scores[:, None] - probe.ablated_scores(fill)
    variance = probe.activations.flatten(2).var(2)
    chosen = variance.topk(count, dim=1)
    share = float(chosen.values.sum() / variance.sum().clamp(min=1e-30))
    probe.note(f"ablated {count} of {channels} channels, which hold {share:.1%} of the variance")
    drops = probe.scores[:, None] - probe.ablated_scores(fill, chosen.indices)
    return torch.zeros_like(variance, dtype=drops.dtype).scatter(1, chosen.indices, drops)
