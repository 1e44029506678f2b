"""Smooth Grad-CAM++ (Omeiza et al. 2019), https://arxiv.org/abs/1908.01224."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import torch
from annotated_types import Interval
from torch import Tensor

from camkit_core import Method, Probe

_NOISE = "the noise stays where it is when the image moves"


@Method(
    group="gradient",
    cost="1 run per sample",
    expected_failures={"place": _NOISE, "layouts": _NOISE},
)
def smoothgradcam_plusplus(
    probe: Probe,
    *,
    samples: Annotated[int, Interval(ge=1, le=1_000_000)] = 4,
    sigma: Annotated[float, Interval(ge=0, lt=float("inf"))] = 0.3,
    numerator: Literal["second", "first"] = "second",
    seed: Annotated[int, Interval(ge=-(2**63), lt=2**64)] = 0,
) -> Tensor:
    """Grad-CAM++ with derivatives averaged over noisy images.

    arXiv 1908.01224: alpha = D2 / (2 D2 + S D3) and w = sum of alpha relu(D1), with D1, D2 and D3
    the means of g, g^2 and g^3 over the noisy images, and S the sum of the channel.

    Args:
        probe: the forward pass.
        samples: how many noisy versions of the images.
        sigma: the noise's standard deviation, in the images' units.
        numerator: "second" for D2 over the fraction, as in Grad-CAM++; "first" for D1.
        seed: of the noise; all images get the same noise.

    Returns:
        The map (N, h, w); its weights are never negative.
    """
    first = second = third = torch.zeros_like(probe.activations)
    for gradient in probe.gradients_of(_noisy(probe.images, samples, sigma, seed), samples):
        first = first + gradient / samples
        second = second + gradient**2 / samples
        third = third + gradient**3 / samples
    total = probe.activations.sum(probe.spatial_axes, keepdim=True)
    # Where the denominator is zero, no gradient is positive, and the weight is zero anyway.
    below = 2 * second + (total * third).clamp(min=0)
    above = second if numerator == "second" else first
    alpha = torch.where(below > 0, above / below, torch.zeros_like(below))
    return probe.weighted_sum((alpha * first.clamp(min=0)).sum(probe.spatial_axes))


def _noisy(images: Tensor, samples: int, sigma: float, seed: int) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    for _ in range(samples):
        noise = torch.randn(
            images.shape[1:], generator=generator, dtype=torch.float32, device="cpu"
        )
        yield images + sigma * noise.to(images)
