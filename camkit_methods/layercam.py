"""LayerCAM (Jiang et al. 2021), https://doi.org/10.1109/TIP.2021.3089943."""

from __future__ import annotations

from torch import Tensor

from camkit_core import Method, Probe


@Method(group="gradient", cost="1 run", position_wise=True)
def layercam(probe: Probe) -> Tensor:
    """Weight each position of a channel by its own positive gradient.

    Equations 6 and 7 of the paper. It suits early layers, too.

    Returns:
        The map (N, h, w); the paper's ReLU is applied in the heatmap.
    """
    return probe.channel_sum(probe.gradients.relu() * probe.activations)
