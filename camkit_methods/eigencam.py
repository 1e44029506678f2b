"""Eigen-CAM (Muhammad & Yeasin 2020), https://arxiv.org/abs/2008.00299."""

from __future__ import annotations

from torch import Tensor

from camkit_core import Method, Probe, principal_map


@Method(group="gradient-free", cost="1 run", needs_class=False)
def eigencam(probe: Probe) -> Tensor:
    """Project the activations on their first principal component: no gradient, and no class.

    arXiv 2008.00299, equation 3, with the channels centred over the positions.

    Returns:
        The map (N, h, w), signed.
    """
    probe.note("Eigen-CAM shows what the layer responds to, whatever the class")
    return principal_map(probe.activations)
