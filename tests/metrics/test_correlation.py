"""Correlations: numpy's on rows without ties, ranks by hand where values are equal."""

from __future__ import annotations

import numpy as np
import torch

from camkit_core.metrics.correlation import average_ranks, pearson, spearman


def rows(seed: int) -> torch.Tensor:
    """Three rows of twenty values."""
    return torch.rand(3, 20, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_pearson_is_that_of_numpy_row_by_row():
    first, second = rows(0), rows(1)
    expected = [np.corrcoef(a, b)[0, 1] for a, b in zip(first, second, strict=True)]
    np.testing.assert_allclose(pearson(first, second), expected)


def test_a_constant_row_has_no_correlation():
    first, second = rows(0), rows(1)
    first[1] = 0.5
    assert pearson(first, second).isnan().tolist() == [False, True, False]
    assert spearman(first, second).isnan().tolist() == [False, True, False]


def test_equal_values_share_the_mean_of_their_ranks():
    values = torch.tensor([[0.3, 0.1, 0.3, 0.9], [2.0, 2.0, 2.0, 2.0]])
    assert average_ranks(values).tolist() == [[2.5, 1.0, 2.5, 4.0], [2.5] * 4]


def test_spearman_sees_the_order_alone():
    first, second = rows(0), rows(1)
    torch.testing.assert_close(spearman(first.exp(), second), spearman(first, second**3))
    torch.testing.assert_close(spearman(first, first.exp()), torch.ones(3, dtype=torch.float64))
