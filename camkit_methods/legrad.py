"""LeGrad (Bousselham et al. 2024), https://arxiv.org/abs/2404.03214."""

from __future__ import annotations

import torch
from torch import Tensor

from camkit_core import Method, Probe


@Method(group="attention", cost="2 runs", needs="attention")
def legrad(probe: Probe) -> Tensor:
    """Add up, over all blocks, how much the class wants each patch to be attended to.

    arXiv 2404.03214, equations 5 to 8: the positive gradient of the score with respect to a block's
    attention, averaged over its heads and queries. The paper computes a score of each block through
    the model's last norm and head, which have no standard names; this method takes the gradient of
    the model's score, which is the same for the last block where both read the same tokens.

    Returns:
        The map (N, h, w), not negative.

    Raises:
        LayerError: if the model has no attention over all its patches.
    """
    attention = probe.attention
    blocks = [gradients.relu().mean((1, 2)) for gradients in attention.gradients]
    relevance = torch.stack(blocks).mean(0)
    return attention.map_of(relevance[:, None].expand(-1, relevance.shape[1], -1))
