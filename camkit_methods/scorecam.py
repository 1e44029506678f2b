"""Score-CAM (Wang et al. 2020), https://arxiv.org/abs/1910.01279."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor

from camkit_core import Probe, unit_range, upsample

Variant = Literal["paper", "definition", "official", "pytorch-grad-cam", "torch-cam"]


def scorecam(
    probe: Probe,
    *,
    variant: Variant = "paper",
    baseline: Literal["zero", "image"] = "zero",
    constant_maps: Literal["zero", "skip"] = "zero",
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
        baseline: the image whose score "definition" takes off: "zero", or the "image" itself.
        constant_maps: a channel without contrast gives an empty mask; "zero" scores that black
            image as any other, "skip" gives the channel no weight.

    Returns:
        The map (N, h, w).
    """
    rows = [_masked_scores(probe, image, variant) for image in range(len(probe.images))]
    scores = torch.stack(rows)
    flat = probe.activations.flatten(2)
    constant = flat.amax(2) == flat.amin(2)
    if constant_maps == "skip" or variant == "official":
        scores = scores.masked_fill(constant, 0.0 if variant == "official" else -torch.inf)
    if variant == "definition":
        return probe.weighted_sum((scores - _baseline(probe, baseline)).nan_to_num(neginf=0.0))
    # Without any channel left, the softmax has nothing to share out.
    weights = scores if variant == "official" else scores.softmax(1).nan_to_num(0.0)
    return probe.weighted_sum(weights)


def _masked_scores(probe: Probe, image: int, variant: Variant) -> Tensor:
    # Channels with one and the same mask, dead ones above all, are scored once.
    maps, channel = torch.unique(unit_range(probe.activations[image]), dim=0, return_inverse=True)
    edits = _masked(probe.images[image], maps, variant)
    asked = probe.of_probabilities() if variant == "official" else probe
    kind = variant if variant in ("pytorch-grad-cam", "torch-cam") else "paper"
    return asked.input_scores(image, edits, len(maps), share=("scorecam", kind))[channel]


def _masked(image: Tensor, maps: Tensor, variant: Variant) -> Iterator[Tensor]:
    size = (image.shape[-2], image.shape[-1])
    for block in torch.split(maps, 16):
        masks = upsample(block, size, align_corners=variant == "pytorch-grad-cam")
        yield from image * (masks if variant == "torch-cam" else unit_range(masks))[:, None]


def _baseline(probe: Probe, baseline: str) -> Tensor:
    if baseline == "image":
        return probe.scores[:, None]
    empty = (torch.zeros_like(image) for image in probe.images)
    return torch.stack([probe.input_scores(i, [one], 1) for i, one in enumerate(empty)])
