"""Baselines: maps that do not depend on what the model learned, and that a method should beat.

Each is a function of a `Probe`, as a method is, so that `compare` runs it like any method.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ...maps import full
from ...probe.further.configured_method import Method
from ...probe.probe import Probe


def uniform(probe: Probe) -> Tensor:
    """One everywhere: (N, H, W), the whole image."""
    return torch.ones_like(_grey(probe.images))


def centre(probe: Probe) -> Tensor:
    """A Gaussian in the middle, of a quarter of each side's length: (N, H, W), in [0, 1].

    Photographers tend to put their subject there.
    """
    grey = _grey(probe.images)
    exponent = torch.zeros_like(grey)
    for axis in range(1, grey.ndim):
        side = grey.shape[axis]
        positions = torch.arange(side, dtype=grey.dtype, device=grey.device)
        distance = (positions - (side - 1) / 2) / (side / 4)
        shape = [side if other == axis else 1 for other in range(grey.ndim)]
        exponent = exponent + distance.square().view(shape) / 2
    return torch.exp(-exponent)


def edges(probe: Probe) -> Tensor:
    """The magnitude of the Sobel derivatives of the mean over channels: (N, H, W), from 0 on.

    The image is continued outwards by its outermost pixels, so that its border is no edge.
    """
    grey = _grey(probe.images)
    axes = range(1, grey.ndim)
    squares = torch.zeros_like(grey)
    for derived in axes:
        response = grey
        for axis in axes:
            kernel = (-1.0, 0.0, 1.0) if axis == derived else (1.0, 2.0, 1.0)
            response = _along(response, axis, kernel)
        squares = squares + response.square()
    return squares.sqrt()


def random(probe: Probe) -> Tensor:
    """The layer's channels, each weighed at random in [-1, 1]: (N, h, w), signed.

    The map of `randomcam` with seed 0, which the core does not import. The weights are the same for
    every image.
    """
    activations = probe.activations
    generator = torch.Generator().manual_seed(0)
    weights = (
        torch.rand(activations.shape[1], generator=generator, dtype=torch.float32, device="cpu") * 2
        - 1
    )
    return probe.weighted_sum(weights.to(activations).expand(len(activations), -1))


class Baseline(NamedTuple):
    """A baseline: its map's function, and what the map is, in the report's words."""

    function: Method
    meaning: str


BASELINES = {
    "uniform": Baseline(uniform, "one everywhere"),
    "centre": Baseline(centre, "a Gaussian in the middle"),
    "edges": Baseline(edges, "the image's edges (Sobel)"),
    "random": Baseline(random, "the layer's channels, weighed at random"),
}


def _grey(images: Tensor) -> Tensor:
    return full(images).mean(1)


def _along(values: Tensor, axis: int, kernel: tuple[float, ...]) -> Tensor:
    rows = values.movedim(axis, -1)
    padded = torch.cat([rows[..., :1], rows, rows[..., -1:]], -1)
    width = rows.shape[-1]
    parts = (weight * padded[..., at : at + width] for at, weight in enumerate(kernel))
    return torch.stack(list(parts)).sum(0).movedim(-1, axis)
