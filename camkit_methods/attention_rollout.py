"""Attention rollout (Abnar & Zuidema 2020), https://arxiv.org/abs/2005.00928."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from annotated_types import Interval
from torch import Tensor

from camkit_core import Method, Probe


@Method(group="attention", cost="2 runs", needs="attention", needs_class=False)
def attention_rollout(
    probe: Probe,
    *,
    heads: Literal["mean", "max", "min"] = "mean",
    discard: Annotated[float, Interval(ge=0, le=1)] = 0.0,
) -> Tensor:
    """Follow attention through all blocks, half of each token staying with itself.

    arXiv 2005.00928, equation 1: the product over the blocks of (A + I) / 2. The class has no
    effect.

    Args:
        probe: the forward pass.
        heads: how a block's heads are combined: their "mean" as in the paper, "max" or "min".
        discard: the share of each block's values, the smallest ones, that is first set to zero.

    Returns:
        The map (N, h, w), not negative.

    Raises:
        LayerError: if the model has no attention over all its patches.
    """
    probe.note("attention rollout shows where tokens come together, whatever the class")
    blocks = probe.attention.probabilities
    identity = torch.eye(blocks[0].shape[-1], device=blocks[0].device).to(blocks[0])
    rolled = identity.expand(len(blocks[0]), -1, -1)
    for block in blocks:
        fused = block.mean(1) if heads == "mean" else getattr(block, f"a{heads}")(1)
        mixed = _without_smallest(fused, discard) + identity
        rolled = mixed / mixed.sum(2, keepdim=True) @ rolled
    return probe.attention.map_of(rolled)


def _without_smallest(attention: Tensor, share: float) -> Tensor:
    flat = attention.flatten(1)
    smallest = flat.topk(int(share * flat.shape[1]), largest=False).indices
    return flat.scatter(1, smallest, 0.0).view_as(attention)
