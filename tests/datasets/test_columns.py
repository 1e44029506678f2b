"""The columns of a batch of explanations."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import camkit_core as camkit
from camkit_core.datasets.explaining.rows import explained_rows
from camkit_core.datasets.sources.batches import Batch
from camkit_core.results import readings
from helpers.picture_folders import Tiny
from helpers.waits import counted_waits

IMAGES = torch.rand(4, 3, 32, 32)


def _rows(explanation: Any) -> Any:
    count = len(explanation)
    batch = Batch(tuple(map(str, range(count))), IMAGES, (None,) * count)
    labels = [(None, None)] * count
    return explained_rows(batch, "top1", labels, explanation, None, [[]] * count, 0.5)


def test_a_batch_comes_from_the_device_in_one_copy() -> None:
    e = camkit.explain(Tiny(), IMAGES)
    with counted_waits() as reads:
        _rows(e)
    assert reads == ["cpu"]


def test_a_batch_in_one_copy_has_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    e = camkit.explain(Tiny(), IMAGES)
    plain = _rows(e)
    monkeypatch.setattr(readings, "on_the_cpu", lambda tensor: False)
    assert _rows(e).equals(plain)
