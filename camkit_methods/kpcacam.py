"""KPCA-CAM (Karmani et al. 2024), https://arxiv.org/abs/2410.00267."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from annotated_types import Interval
from torch import Tensor

from camkit_core import Method, Probe, principal_map


@Method(group="gradient-free", cost="1 run", needs_class=False)
def kpcacam(
    probe: Probe,
    *,
    kernel: Literal["rbf", "sigmoid"] = "rbf",
    gamma: Annotated[float, Interval(gt=-float("inf"), lt=float("inf"))] | None = None,
) -> Tensor:
    """Project the activations on their first kernel principal component: no gradient, no class.

    arXiv 2410.00267, with the channels centred over the positions, as in Eigen-CAM.

    Args:
        probe: the forward pass.
        kernel: "rbf" for exp(-gamma |a - b|^2); "sigmoid" for tanh(gamma a.b + 1).
        gamma: the kernel's gamma; None for 1 / channels.

    Returns:
        The map (N, h, w), signed.
    """
    probe.note("KPCA-CAM shows what the layer responds to, whatever the class")
    scale = gamma or 1 / probe.activations.shape[1]

    def products(rows: Tensor) -> Tensor:
        if kernel == "sigmoid":
            return torch.tanh(scale * rows @ rows.T + 1)
        return torch.exp(-scale * torch.cdist(rows, rows) ** 2)

    return principal_map(probe.activations, products)
