"""ROAD (Rong et al. 2022, https://arxiv.org/abs/2202.00449), under pytorch-grad-cam's names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from camkit_core import filled

from .perturbation_confidence import (
    PERCENTILES,
    Array,
    AveragerAcrossThresholds,
    PerturbationConfidenceMetric,
    RemoveLeastRelevantFirst,
    RemoveMostRelevantFirst,
    Targets,
)

neighbors_weights = [
    ((down, across), 1 / 6 if 0 in (down, across) else 1 / 12)
    for across in (1, -1, 0)
    for down in (1, 0, -1)
    if (down, across) != (0, 0)
]


class NoisyLinearImputer:
    """Fills gaps by the weighted means of their neighbours, and noise of torch's own generator.

    Args:
        noise: its standard deviation.
        weighting: not read, as in pytorch-grad-cam.
    """

    def __init__(self, noise: float = 0.01, weighting: Any = neighbors_weights) -> None:
        self.noise = noise
        self.weighting = neighbors_weights

    def __call__(self, img: Tensor, mask: Tensor) -> Tensor:
        """The image (C, H, W) with what the mask (H, W) has as 0 filled in."""
        gaps = mask == 0
        # Where nothing is left, any constant solves the equations; the peer's solver says 0.
        nothing = bool(gaps.all())
        smooth = torch.zeros_like(img) if nothing else filled(img, ~gaps[None], 0.0, 0, 1e-5)[0]
        noise = self.noise * torch.randn(len(img), int(gaps.sum()))
        smooth[:, gaps] += noise.to(smooth)
        return smooth


class ROADMostRelevantFirst(PerturbationConfidenceMetric):
    """The change of the score without the highest pixels; `percentile` percent stay."""

    def __init__(self, percentile: Any = 80) -> None:
        super().__init__(RemoveMostRelevantFirst(percentile, NoisyLinearImputer()))


class ROADLeastRelevantFirst(PerturbationConfidenceMetric):
    """The change of the score without the lowest pixels; `percentile` percent stay."""

    def __init__(self, percentile: Any = 20) -> None:
        super().__init__(RemoveLeastRelevantFirst(percentile, NoisyLinearImputer()))


class ROADMostRelevantFirstAverage(AveragerAcrossThresholds):
    """The mean over several percentiles."""

    def __init__(self, percentiles: Sequence[float] = PERCENTILES) -> None:
        super().__init__(ROADMostRelevantFirst, percentiles)


class ROADLeastRelevantFirstAverage(AveragerAcrossThresholds):
    """The mean over several percentiles."""

    def __init__(self, percentiles: Sequence[float] = PERCENTILES) -> None:
        super().__init__(ROADLeastRelevantFirst, percentiles)


class ROADCombined:
    """Half of the change without the lowest pixels, less that without the highest."""

    def __init__(self, percentiles: Sequence[float] = PERCENTILES) -> None:
        self.percentiles = percentiles
        self.morf_averager = ROADMostRelevantFirstAverage(percentiles)
        self.lerf_averager = ROADLeastRelevantFirstAverage(percentiles)

    def __call__(
        self, input_tensor: Tensor, cams: Array, targets: Targets, model: nn.Module
    ) -> Array:
        """The value of each image, (N,): high where the map's order is that of importance."""
        least = self.lerf_averager(input_tensor, cams, targets, model)
        most = self.morf_averager(input_tensor, cams, targets, model)
        combined: Array = (least - most) / 2
        return combined
