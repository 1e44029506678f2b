"""Gradient attention rollout (Chefer et al. 2021), https://arxiv.org/abs/2103.15679."""

from __future__ import annotations

import torch
from torch import Tensor

from camkit_core import Method, Probe


@Method(group="attention", cost="2 runs", needs="attention")
def chefer(probe: Probe) -> Tensor:
    """Follow the attention that speaks for the class through all blocks.

    arXiv 2103.15679, equations 5 and 6: R becomes R + mean over heads of (gradient times A)+ times
    R, block by block, from the identity on.

    Returns:
        The map (N, h, w), not negative.

    Raises:
        LayerError: if the model has no attention over all its patches.
    """
    attention = probe.attention
    first = attention.probabilities[0]
    relevance = torch.eye(len(first[0, 0]), device=first.device).to(first)
    for block, gradient in zip(attention.probabilities, attention.gradients, strict=True):
        relevance = relevance + (gradient * block).relu().mean(1) @ relevance
    return attention.map_of(relevance)
