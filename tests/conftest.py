"""Fixtures that all tests share."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from camkit_core.plugins import Registry
from helpers.fake_packages import Install, installer
from helpers.small_nets import FAMILIES, Net, small_net
from helpers.uncompiled import graphs_run_as_they_are

# Networks of tests are small, and processes that share cores would wait for one another's threads.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"  # for the processes that tests start
os.environ.setdefault("YOLO_AUTOINSTALL", "false")  # ultralytics installs what it misses, else


# A shell that runs the tests in the background lets them ignore interrupts, and with them the
# processes that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """All tests together run in a process for each core; parts of them, in this process.

    Each process begins with a part of its own, in order, so that few fixtures are made twice.
    """
    unset = config.getoption("numprocesses", "without xdist") is None
    together = any(Path(name).resolve() == Path(__file__).parent for name in config.args)
    if unset and together and not hasattr(config, "workerinput"):  # a worker starts no others
        config.option.numprocesses = "logical"
        config.option.dist = config.option.dist.replace("no", "worksteal")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is made as tests are collected stays: garbage is looked for among the rest alone."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True)
def _seed() -> None:
    # Not torch.manual_seed: without a GPU it keeps the stack of each call, as text.
    torch.default_generator.manual_seed(0)


@pytest.fixture(autouse=True)
def _short_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    # The networks of tests are too small for a short pass to win time.
    monkeypatch.setattr("camkit_core.forward.needed.plan.LEAST_WORK", 0)


@pytest.fixture(params=["gradcam", "gradcam++", "xgradcam", "ablationcam", "scorecam"])
def method(request: pytest.FixtureRequest) -> str:
    """Each of the five methods' names."""
    return str(request.param)


@pytest.fixture(params=FAMILIES)
def net(request: pytest.FixtureRequest) -> Net:
    """Each family's small network, in float64."""
    return small_net(request.param)


@pytest.fixture
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """With compile=True graphs run as they are, which takes a tenth of the time; gives them."""
    return graphs_run_as_they_are(monkeypatch)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts packages on the path that are metadata and a few modules, as pip would."""
    yield from installer(tmp_path, monkeypatch)


@pytest.fixture
def fresh(install: Install, monkeypatch: pytest.MonkeyPatch) -> Install:
    """The same, with a registry that has not been asked yet."""
    monkeypatch.setattr("camkit_core.plugins.registry._default", Registry())
    return install
