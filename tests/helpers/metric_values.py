"""Metrics of given maps, on a model whose probabilities are the mean of the image."""

from __future__ import annotations

import torch
from torch import nn

from camkit_core import compare


class Mean(nn.Module):
    """Two classes whose probabilities are the image's mean and one less that mean."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Identity()

    def forward(self, images):
        mean = self.layer(images).mean((1, 2, 3))
        return torch.stack([mean.log(), (1 - mean).log()], 1)


def as_map(values):
    """A method whose map is given."""

    def given(probe):
        return torch.as_tensor(values, dtype=torch.float32).expand(len(probe.images), -1, -1)

    return given


def itself(probe):
    """A method whose map is the image."""
    return probe.images.mean(1)


def of(metric, method, images, target=0, model=None, **options):
    """The values of a metric, as a list."""
    comparison = compare(
        (model or Mean()).eval(), images, [method], [target], "layer", metrics={metric: options}
    )
    (measure,) = (m for m in comparison.judgement.measures if m.method == method.__name__)
    return measure.values.tolist()


IMAGE = torch.tensor([[[[0.8, 0.4], [0.1, 0.2]]]])
HALF = [[1.0, 1.0], [0.0, 0.0]]


def gradcam(probe):
    return probe.weighted_sum(probe.gradients.mean(probe.spatial_axes))
