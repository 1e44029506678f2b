"""HiResCAM (Draelos & Carin 2020), https://arxiv.org/abs/2011.08891."""

from __future__ import annotations

from torch import Tensor

from camkit_core import Method, Probe


@Method(group="gradient", position_wise=True, gradient_weighted=True)
def hirescam(probe: Probe) -> Tensor:
    """Multiply each position's activation by its own gradient.

    arXiv 2011.08891, equation 3. If one linear layer follows, the map adds up to the score.

    Returns:
        The map (N, h, w), signed.
    """
    return probe.channel_sum(probe.gradients * probe.activations)
