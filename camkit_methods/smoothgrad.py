"""SmoothGrad (Smilkov et al. 2017), https://arxiv.org/abs/1706.03825, of any method."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor

from camkit_core import Method, Probe

_NOISE = "the noise stays where it is when the image moves"


@Method(
    group="gradient",
    cost="1 run per sample",
    based=True,
    expected_failures={"place": _NOISE, "layouts": _NOISE},
)
def smoothgrad(
    probe: Probe,
    *,
    base_method: str | Callable[..., Tensor] = "gradcam",
    samples: Annotated[int, Interval(ge=1, le=1_000_000)] = 8,
    sigma: Annotated[float, Interval(ge=0, lt=float("inf"))] = 0.3,
    seed: Annotated[int, Interval(ge=-(2**63), lt=2**64)] = 0,
) -> Tensor:
    """Average a method's map over noisy versions of the image.

    arXiv 1706.03825, section 3.1: the mean of the maps of X + noise, of Grad-CAM or any other
    method; of "guided_backprop" it is the paper's own picture.

    Args:
        probe: the forward pass.
        base_method: the method of the maps, by its name or as a function.
        samples: how many noisy versions of each image.
        sigma: the noise's standard deviation, in the images' units.
        seed: of the noise; all images get the same noise.

    Returns:
        The map of the base method, averaged.
    """
    means = []
    for index, image in enumerate(probe.images):
        versions = probe.versions(index, _noisy(image, samples, sigma, seed), samples)
        means.append(torch.cat([version.by(base_method) for version in versions]).mean(0))
    return torch.stack(means)


def _noisy(image: Tensor, samples: int, sigma: float, seed: int) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    for _ in range(samples):
        noise = torch.randn(image.shape, generator=generator, dtype=torch.float32, device="cpu")
        yield image + sigma * noise.to(image)
