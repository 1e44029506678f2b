"""Three methods: each a formula over a `Probe`, which returns a signed map (N, h, w)."""

import torch
from torch import Tensor

from camkit_core import Method, Probe


@Method(group="gradient", position_wise=True, gradient_weighted=True)
def hirescam(probe: Probe) -> Tensor:
    """Sum gradient times activation at each position (HiResCAM, arXiv 2011.08891, equation 3)."""
    return probe.channel_sum(probe.gradients * probe.activations)


@Method(group="gradient", position_wise=True)
def layercam(probe: Probe, *, power: float = 1.0) -> Tensor:
    """Weight each position by its own positive gradient (LayerCAM, Jiang et al. 2021)."""
    evidence = probe.gradients.relu() * probe.activations
    return probe.channel_sum(evidence.sign() * evidence.abs() ** power)


@Method(group="gradient-free", needs_class=False)
def eigencam(probe: Probe) -> Tensor:
    """Project the activations on their first principal component (Eigen-CAM, arXiv 2008.00299)."""
    rows = probe.activations.flatten(2).transpose(1, 2).double()  # (N, positions, channels)
    rows = rows - rows.mean(1, keepdim=True)
    axis = torch.linalg.eigh(rows.mT @ rows).eigenvectors[:, :, -1:]
    projected = (rows @ axis)[..., 0]
    # An axis has no sign of its own: the strongest response counts as evidence.
    strongest = projected.gather(1, projected.abs().argmax(1, keepdim=True))
    return (projected * strongest.sign()).view(len(rows), *probe.activations.shape[2:])
