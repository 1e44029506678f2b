"""Feature explanation method (Fuad et al. 2020), https://hal.science/hal-02963298."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Interval
from torch import Tensor

from camkit_core import Method, Probe


@Method(group="gradient-free", cost="1 run", needs_class=False)
def fem(
    probe: Probe, *, k: Annotated[float, Interval(gt=-float("inf"), lt=float("inf"))] = 2.0
) -> Tensor:
    """Weight each channel by the share of its positions that are unusually strong.

    Args:
        probe: the forward pass.
        k: how many standard deviations above a channel's mean is unusual.

    Returns:
        The map (N, h, w), signed.
    """
    probe.note("FEM shows what the layer responds to, whatever the class")
    activations, axes = probe.activations, probe.spatial_axes
    mean = activations.mean(axes, keepdim=True)
    deviation = activations.std(axes, keepdim=True, correction=0)
    return probe.weighted_sum((activations > mean + k * deviation).to(mean).mean(axes))
