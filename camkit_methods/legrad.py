"""LeGrad (Bousselham et al. 2024), https://arxiv.org/abs/2404.03214."""

from __future__ import annotations

import torch
from torch import Tensor

from camkit_core import Method, Probe


@Method(group="attention", needs="attention")
def legrad(probe: Probe) -> Tensor:
    """Add up, over all blocks, how much the class wants each patch to be attended to.

    arXiv 2404.03214, equations 5 to 8: the positive gradient of the score with respect to a block's
    attention, the mean over its heads and the tokens that ask. The paper reads a score off each
    block through the model's last norm and head, which no classifier names; this is the gradient
    of the model's own score, the same for the last block.

    Returns:
        The map (N, h, w), not negative.

    Raises:
        LayerError: if the model has no attention over all its patches.
    """
    attention = probe.attention
    wanted = torch.stack([one.relu().mean((1, 2)) for one in attention.gradients]).mean(0)
    return attention.map_of(wanted[:, None].expand(-1, wanted.shape[1], -1))
