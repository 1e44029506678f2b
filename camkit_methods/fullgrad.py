"""FullGrad (Srinivas & Fleuret 2019), https://arxiv.org/abs/1905.00780."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from camkit_core import Method, Probe, unit_range, upsample


@Method(group="gradient")
def fullgrad(probe: Probe, *, variant: Literal["paper", "official"] = "paper") -> Tensor:
    """Add up what the image and every bias contribute, wherever they are.

    arXiv 1905.00780: the sum over colours of psi(g x) and, over the channels of all
    convolutions and batch norms, of psi(g b); psi takes the absolute value, stretches it to [0, 1]
    and resizes it. The target layer is not read.

    Args:
        probe: the forward pass.
        variant: "paper" stretches each channel by itself; "official" a whole layer at once, as the
            authors' code does.

    Returns:
        The map (N, H, W), at the images' size; never negative.
    """
    found, size = probe.full_gradients, probe.images.shape[2:]
    probe.note(
        f"FullGrad added up the images' share and {len(found.biases)} layers of biases, whatever "
        f"the target layer"
    )
    cam = torch.zeros_like(probe.images[:, 0], dtype=probe.scores.dtype)
    for evidence in (found.images, *found.biases):
        shares = evidence.abs().to(cam)
        if variant == "paper":
            shares = unit_range(shares.flatten(0, 1)).view_as(shares)
        else:
            shares = unit_range(shares)
        cam += upsample(shares.sum(1), size)
    return cam
