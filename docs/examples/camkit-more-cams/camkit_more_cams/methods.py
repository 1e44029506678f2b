"""Three methods: each a formula over a `Probe`, which returns a signed map (N, h, w)."""

import torch
from torch import Tensor

from camkit_core import Probe


def hirescam(probe: Probe) -> Tensor:
    """Sum gradient times activation at each position (HiResCAM, arXiv 2011.08891, equation 3)."""
    return probe.channel_sum(probe.gradients * probe.activations)


def layercam(probe: Probe, *, power: float = 1.0) -> Tensor:
    """Weight each position by its own positive gradient (LayerCAM, Jiang et al. 2021)."""
    evidence = probe.gradients.relu() * probe.activations
    return probe.channel_sum(evidence.sign() * evidence.abs() ** power)


def eigencam(probe: Probe) -> Tensor:
    """Project the activations on their first principal component (Eigen-CAM, arXiv 2008.00299)."""
    rows = probe.activations.flatten(2).transpose(1, 2).double()  # (N, positions, channels)
    rows = rows - rows.mean(1, keepdim=True)
    axis = torch.linalg.eigh(rows.mT @ rows).eigenvectors[:, :, -1:]
    projected = (rows @ axis)[..., 0]
    # An axis has no sign of its own: the strongest response counts as evidence.
    strongest = projected.gather(1, projected.abs().argmax(1, keepdim=True))
    return (projected * strongest.sign()).view(len(rows), *probe.activations.shape[2:])


# It reads no class: what the network sees, not what speaks for a class.
eigencam.expected_failures = {"target": "it explains the layer, not a class"}  # type: ignore[attr-defined]
