"""Fixtures that all tests share."""

from __future__ import annotations

import pytest
import torch
from small_nets import FAMILIES, Net, small_net

torch.set_num_threads(2)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(params=["gradcam", "gradcam++", "xgradcam", "ablationcam", "scorecam"])
def method(request: pytest.FixtureRequest) -> str:
    """Each of the five methods' names."""
    return str(request.param)


@pytest.fixture(params=FAMILIES)
def net(request: pytest.FixtureRequest) -> Net:
    """Each family's small network, in float64."""
    return small_net(request.param)
