"""Score-CAM (Wang et al. 2020), https://arxiv.org/abs/1910.01279."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import torch
from annotated_types import Interval
from torch import Tensor

from camkit_core import Method, Probe, unit_range, upsample

Variant = Literal["paper", "definition", "official", "pytorch-grad-cam", "torch-cam"]


@Method(group="the five", cost="1 run per channel")
def scorecam(
    probe: Probe,
    *,
    variant: Variant = "paper",
    baseline: Literal["zero", "image"] = "zero",
    constant_maps: Literal["zero", "skip"] = "zero",
    max_channels: Annotated[int, Interval(ge=1, le=1_000_000)] | None = None,
    fast: str | Sequence[str] = (),
) -> Tensor:
    """Weight each channel by the score of the image seen through it.

    arXiv 1910.01279, Algorithm 1 and equations 6 to 10. The mask of a channel is the channel
    resized to the image and stretched to [0, 1].

    Args:
        probe: the forward pass.
        variant: "paper" for Algorithm 1: the softmax over channels of the masked images' scores;
            "definition" for equations 6 to 10: the masked score less the baseline's;
            "official" for the authors' code: the class probability of the masked image;
            "pytorch-grad-cam" and "torch-cam" for those libraries' masks with Algorithm 1.
        baseline: the image whose score "definition" subtracts: "zero", or the "image" itself.
        constant_maps: a channel without contrast gives an empty mask; "zero" scores the black
            image, "skip" gives the channel no weight.
        max_channels: score only that many channels, those with the greatest variance. In the
            softmax the other channels count as the least score of these; elsewhere they get no
            weight. None scores all channels.
        fast: "bfloat16", "compile", or both, for quicker and less exact runs; the explanation's
            notes hold the error that was measured.

    Returns:
        The map (N, h, w).

    Raises:
        CamkitError: for a way of running that `fast` does not know.
    """
    flat = probe.activations.flatten(2)
    counted = torch.ones(flat.shape[:2], dtype=torch.bool, device=flat.device)
    if constant_maps == "skip" or variant == "official":
        counted &= flat.amax(2) > flat.amin(2)
    scored = counted & _most_varied(probe, flat, max_channels)
    rows = [
        _masked_scores(probe, image, channels, variant, fast)
        for image, channels in enumerate(scored)
    ]
    scores = torch.stack(rows)
    if variant == "definition":
        scores = scores - _baseline(probe, baseline)
    if variant in ("definition", "official"):
        return probe.weighted_sum(scores.masked_fill(~scored, 0.0))
    # Channels that were not scored get the least score. A trained model's scores lie far apart, so
    # it has next to no weight; if all scores are alike, theirs would be, too.
    least = scores.masked_fill(~scored, torch.inf).amin(1, keepdim=True)
    scores = scores.where(scored | ~counted, least)
    # If no channel is left, every weight is zero.
    return probe.weighted_sum(scores.softmax(1).masked_fill(~counted.any(1, keepdim=True), 0.0))


def _most_varied(probe: Probe, flat: Tensor, count: int | None) -> Tensor:
    """Which channels (N, C) vary the most over the grid."""
    if count is None or count >= flat.shape[1]:
        return torch.ones(flat.shape[:2], dtype=torch.bool, device=flat.device)
    variance = flat.var(2)
    most = torch.zeros_like(variance, dtype=torch.bool)
    most.scatter_(1, variance.topk(count, dim=1).indices, True)
    share = float((variance * most).sum() / variance.sum().clamp(min=1e-30))
    probe.note(
        f"scored {count} of {flat.shape[1]} channels, which hold {share:.1%} of the variance"
    )
    return most


def _masked_scores(
    probe: Probe, image: int, channels: Tensor, variant: Variant, fast: str | Sequence[str]
) -> Tensor:
    """The score (C,) of one image seen through each of some channels; -inf for the others."""
    scores = probe.scores.new_full((len(channels),), -torch.inf)
    # Channels with the same mask, such as dead channels, are scored once.
    maps = unit_range(probe.activations[image][channels])
    maps, of_channel = torch.unique(maps, dim=0, return_inverse=True)
    if len(maps):
        edits = _masked(probe.images[image], maps, variant)
        scoring = probe.of_probabilities() if variant == "official" else probe
        kind = variant if variant in ("pytorch-grad-cam", "torch-cam") else "paper"
        share = ("scorecam", kind, len(maps), str(fast))
        scores[channels] = scoring.input_scores(image, edits, len(maps), share, fast)[of_channel]
    return scores


def _masked(image: Tensor, maps: Tensor, variant: Variant) -> Iterator[Tensor]:
    for block in torch.split(maps, 16):
        masks = upsample(block, image.shape[1:], align_corners=variant == "pytorch-grad-cam")
        yield from image * (masks if variant == "torch-cam" else unit_range(masks))[:, None]


def _baseline(probe: Probe, baseline: str) -> Tensor:
    if baseline == "image":
        return probe.scores[:, None]
    empty = (torch.zeros_like(image) for image in probe.images)
    return torch.stack([probe.input_scores(i, [image], 1) for i, image in enumerate(empty)])
