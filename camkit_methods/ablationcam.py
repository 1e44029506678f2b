"""Ablation-CAM (Desai & Ramaswamy, WACV 2020), https://doi.org/10.1109/WACV45572.2020.9093360."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from camkit_core import LayerError, Method, Probe

Variant = Literal["drop", "paper", "slope", "pytorch-grad-cam"]


@Method(group="the five", needs="tail")
def ablationcam(
    probe: Probe, *, variant: Variant = "drop", ablate: Literal["zero", "mean"] = "zero"
) -> Tensor:
    """Weight each channel by how far the score drops without it.

    Desai & Ramaswamy, WACV 2020, equation 3.

    Args:
        probe: the forward pass.
        variant: "drop" for y - y_k; "paper" for (y - y_k) / y, the same map but for the sign of
            the score, which reverses the map when y < 0; "slope" for (y - y_k) / ||A_k||;
            "pytorch-grad-cam" is "paper", refused for signed activations, where that library
            ablates to a value that depends on its batch size.
        ablate: the value of an ablated channel: "zero", or the "mean" over its positions.

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
    drops = probe.scores[:, None] - probe.ablated_scores("mean" if ablate == "mean" else 0.0)
    if variant in ("paper", "pytorch-grad-cam"):
        drops = drops / probe.scores[:, None]
    if variant == "slope":
        norms = probe.activations.flatten(2).norm(dim=2)
        drops = drops.where(norms == 0, drops / norms)
    return probe.weighted_sum(drops)
