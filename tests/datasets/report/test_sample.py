"""A sample of each kind: of fixed size, fair, and the same for the same rows."""

from __future__ import annotations

import numpy as np

from camkit_core.datasets.report.sample import Sample


def drawn(most: int, kinds: np.ndarray, step: int) -> Sample:
    sample = Sample(most)
    for start in range(0, len(kinds), step):
        rows = np.arange(start, min(start + step, len(kinds)))
        sample.add(kinds[rows], position=rows)
    return sample


def test_small_kinds_are_kept_whole_and_large_ones_cut():
    sample = drawn(5, np.array([0] * 50 + [1] * 3 + [2] * 5), 7)
    assert np.bincount(sample.columns["kind"]).tolist() == [5, 3, 5]
    assert sample.seen.tolist() == [50, 3, 5]
    rows = sample.columns["position"]
    assert (np.sort(rows[sample.columns["kind"] == 1])).tolist() == [50, 51, 52]


def test_batches_of_any_size_give_the_same_sample():
    kinds = np.random.default_rng(0).integers(0, 3, 400)
    one, other = drawn(10, kinds, 400), drawn(10, kinds, 11)
    assert sorted(one.columns["position"]) == sorted(other.columns["position"])


def test_early_and_late_rows_have_the_same_chance():
    positions = drawn(400, np.zeros(4000, np.int64), 100).columns["position"]
    assert 150 < (positions < 2000).sum() < 250


def test_a_smaller_limit_leaves_out_what_is_too_much():
    sample = drawn(10, np.zeros(100, np.int64), 100)
    sample.limit(4)
    assert len(sample.columns["position"]) == 4
    sample.limit(9)
    assert sample.most == 4
