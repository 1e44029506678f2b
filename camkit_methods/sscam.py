"""SS-CAM (Wang et al. 2020), https://arxiv.org/abs/2006.14255."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import torch
from annotated_types import Interval
from torch import Tensor

from camkit_core import Method, Probe, unit_range, upsample

Variant = Literal["activations", "images", "torch-cam"]


_NOISE = "the noise stays where it is when the image moves"


@Method(
    group="gradient-free",
    cost="35 runs per channel",
    costly=True,
    expected_failures={"place": _NOISE, "layouts": _NOISE},
)
def sscam(
    probe: Probe,
    *,
    samples: Annotated[int, Interval(ge=1, le=1_000_000)] = 35,
    sigma: Annotated[float, Interval(ge=0, lt=float("inf"))] = 2.0,
    variant: Variant = "activations",
    seed: Annotated[int, Interval(ge=-(2**63), lt=2**64)] = 0,
    fast: str | Sequence[str] = (),
) -> Tensor:
    """Score-CAM with each channel's score averaged over Gaussian noise.

    arXiv 2006.14255: the softmax over channels of the mean score of the image seen through the
    channel. The baseline's score cancels in the softmax.

    Args:
        probe: the forward pass.
        samples: how many versions of each channel.
        sigma: the noise's standard deviation; with 0 it is Score-CAM.
        variant: "activations" adds the noise to the channel, before it is made a mask; "images"
            to the masked image; "torch-cam" to the mask, as that library does.
        seed: of the noise; all images get the same noise.
        fast: as for `scorecam`.

    Returns:
        The map (N, h, w).

    Raises:
        CamkitError: for a way of running that `fast` does not know.
    """
    channels = probe.activations.shape[1]
    rows = []
    for image, activations in enumerate(probe.activations):
        edits = _noisy(probe.images[image], activations, samples, sigma, variant, seed)
        share = ("sscam", samples, sigma, variant, seed, str(fast))
        scores = probe.input_scores(image, edits, channels * samples, share, fast)
        rows.append(scores.view(channels, samples).mean(1))
    return probe.weighted_sum(torch.stack(rows).softmax(1))


def _noisy(
    image: Tensor, activations: Tensor, samples: int, sigma: float, variant: str, seed: int
) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def noise(like: Tensor) -> Tensor:
        return sigma * torch.randn(
            like.shape, generator=generator, dtype=torch.float32, device="cpu"
        ).to(like)

    size = image.shape[1:]
    for channel in torch.split(activations, 1):
        for _ in range(samples):
            if variant == "torch-cam":
                mask = upsample(unit_range(channel), size)
                yield image * (mask + noise(mask))
            elif variant == "images":
                yield image * unit_range(upsample(channel, size)) + noise(image)
            else:
                yield image * unit_range(upsample(channel + noise(channel), size))
