"""Random channel weights: the baseline that any method has to beat."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor

from camkit_core import Method, Probe


@Method(group="baselines", cost="1 run", needs_class=False)
def randomcam(probe: Probe, *, seed: Annotated[int, Interval(ge=-(2**63), lt=2**64)] = 0) -> Tensor:
    """Weight each channel at random, between -1 and 1: a baseline, not an explanation.

    Args:
        probe: the forward pass.
        seed: of the weights; all images have the same weights.

    Returns:
        The map (N, h, w), signed.
    """
    probe.note("random channel weights: a baseline, not an explanation")
    activations = probe.activations
    generator = torch.Generator().manual_seed(seed)
    weights = (
        torch.rand(activations.shape[1], generator=generator, dtype=torch.float32, device="cpu") * 2
        - 1
    )
    return probe.weighted_sum(weights.to(activations).expand(len(activations), -1))
