"""FullGrad (Srinivas & Fleuret 2019), https://arxiv.org/abs/1905.00780."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from camkit_core import Method, Probe, unit_range, upsample


@Method(group="gradient", cost="1 run", reads_layer=False)
def fullgrad(probe: Probe, *, variant: Literal["paper", "official"] = "paper") -> Tensor:
    """Add up what the image and every bias contribute, wherever they are.

    arXiv 1905.00780: the sum of psi(g x) over the colours, plus the sum of psi(g b) over the
    channels of all convolutions and batch norms; psi takes the absolute value, stretches it to
    [0, 1] and resizes it. The target layer has no effect.

    Args:
        probe: the forward pass.
        variant: "paper" stretches each channel by itself; "official" stretches all channels of a
            layer together, as the authors' code does.

    Returns:
        The map (N, H, W), at the images' size; never negative.
    """
    gradients, size = probe.full_gradients, probe.images.shape[2:]
    probe.note(
        f"FullGrad added up the images' share and {len(gradients.biases)} layers of biases, "
        f"whatever the target layer"
    )
    cam = torch.zeros_like(probe.images[:, 0], dtype=probe.scores.dtype)
    for evidence in (gradients.images, *gradients.biases):
        shares = evidence.abs().to(cam)
        if variant == "paper":
            shares = unit_range(shares.flatten(0, 1)).view_as(shares)
        else:
            shares = unit_range(shares)
        cam += upsample(shares.sum(1), size)
    return cam
