"""Freed memory goes back to the system while a data set is explained."""

from __future__ import annotations

import pytest
import torch

import camkit_core as camkit
from camkit_core.datasets.explaining import heap
from helpers.picture_folders import Tiny


@pytest.mark.parametrize(("seconds", "times"), [(0.0, 5), (1e9, 0)])
def test_memory_is_given_back_after_a_batch_if_that_was_some_time_ago(
    seconds, times, monkeypatch, tmp_path
):
    given = []
    monkeypatch.setattr(heap, "SECONDS", seconds)
    monkeypatch.setattr(heap, "give_back", lambda: given.append(1))
    images = [torch.rand(3, 32, 32) for _ in range(20)]
    camkit.explain_dataset(Tiny(), images, tmp_path, batch_size=4, workers=0)
    assert len(given) == times


def test_giving_back_leaves_what_is_in_use():
    kept = torch.arange(1000)
    heap.give_back()
    assert kept.sum() == 499500
