"""IS-CAM (Naidu et al. 2020), https://arxiv.org/abs/2010.03023."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import torch
from annotated_types import Interval
from torch import Tensor

from camkit_core import Method, Probe, unit_range, upsample


@Method(group="gradient-free", cost="10 runs per channel", costly=True)
def iscam(
    probe: Probe,
    *,
    steps: Annotated[int, Interval(ge=1, le=1_000_000)] = 10,
    variant: Literal["path", "torch-cam"] = "path",
    fast: str | Sequence[str] = (),
) -> Tensor:
    """Score-CAM with each channel's mask integrated from nothing to itself.

    arXiv 2010.03023: the softmax over channels of the mean score of the image seen through
    i / steps of the mask, i from 1 to steps. The baseline's score cancels in the softmax.

    Args:
        probe: the forward pass.
        steps: the number of factors.
        variant: "path" for factors from 1 / steps to 1; "torch-cam" for that library's factors,
            which are the running sums of those and exceed 1, and for its masks, which are stretched
            before they are resized.
        fast: as for `scorecam`.

    Returns:
        The map (N, h, w).

    Raises:
        CamkitError: for a way of running that `fast` does not know.
    """
    factors = torch.arange(1, steps + 1, dtype=torch.float64, device="cpu") / steps
    if variant == "torch-cam":
        factors = factors.cumsum(0)
    channels = probe.activations.shape[1]
    rows = []
    for image, activations in enumerate(probe.activations):
        edits = _masked(probe.images[image], activations, factors.tolist(), variant)
        share = ("iscam", steps, variant, str(fast))
        scores = probe.input_scores(image, edits, channels * steps, share, fast)
        rows.append(scores.view(channels, steps).mean(1))
    return probe.weighted_sum(torch.stack(rows).softmax(1))


def _masked(
    image: Tensor, activations: Tensor, factors: Sequence[float], variant: str
) -> Iterator[Tensor]:
    for channel in torch.split(activations, 1):
        if variant == "torch-cam":
            mask = upsample(unit_range(channel), image.shape[1:])
        else:
            mask = unit_range(upsample(channel, image.shape[1:]))
        for factor in factors:
            yield image * (factor * mask)
