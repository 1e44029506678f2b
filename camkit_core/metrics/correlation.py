"""Pearson's and Spearman's correlation of the rows of two tensors (N, P)."""

from __future__ import annotations

import torch
from torch import Tensor


def pearson(first: Tensor, second: Tensor) -> Tensor:
    """Pearson's correlation: (N,); nan where a row is constant."""
    first, second = (rows - rows.mean(1, keepdim=True) for rows in (first, second))
    size: Tensor = first.norm(dim=1) * second.norm(dim=1)
    return torch.where(size > 0, (first * second).sum(1) / size, torch.nan)


def spearman(first: Tensor, second: Tensor) -> Tensor:
    """Spearman's correlation: (N,), float64; nan where a row is constant."""
    return pearson(average_ranks(first), average_ranks(second))


def average_ranks(rows: Tensor) -> Tensor:
    """The rank of each value in its row, from 1: (N, P), float64; equal values share their mean."""
    ranks = []
    for row in rows.double():
        _, group, counts = row.unique(return_inverse=True, return_counts=True)
        last = counts.cumsum(0).double()  # the rank of each group's last member
        ranks.append((last - (counts - 1) / 2)[group])
    return torch.stack(ranks)
