"""The cluster: joined or started, with as many actors as it has room for."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..errors import ImportFailed, RunError
from ..image.decoders import quiet_decoders
from .job import Job
from .sources.batches import said

# Ray sends no statistics of use, and writes no token into the home folder.
_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # else each actor tells of something that is no fault
}
_STORE = 1 << 29  # bytes for rows and ids on this machine, beside the model
_STEP, _PARTLY, _GIVEN_BACK = 0.2, 5.0, 30.0  # seconds that free cores are waited for
_WAIT = 300  # seconds until Ray's actors have to be there


@dataclass(frozen=True)
class Pool:
    """How many actors there are, and what each has.

    Attributes:
        actors: how many.
        cpus: cores of each.
        gpus: GPUs of each.
    """

    actors: int
    cpus: int
    gpus: int

    def settings(self) -> dict[str, Any]:
        """As `map_batches` takes them."""
        return {"concurrency": self.actors, "num_cpus": self.cpus, "num_gpus": self.gpus}


@contextmanager
def cluster(job: Job) -> Iterator[Pool]:
    """The cluster in RAY_ADDRESS, or one of this machine, which is shut down in the end.

    Raises:
        ImportFailed: if Ray is not installed.
        RunError: if the cluster cannot be reached, or has no free cores or GPUs.
    """
    ray = _ray()
    own = not ray.is_initialized()
    if own:
        _start(ray, job)
    try:
        whole = ray.cluster_resources()
        yield pool_for(whole, _free(whole, ray.available_resources), job.workers)
    finally:
        if own:
            ray.shutdown()


def _ray() -> Any:
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ImportFailed(
            f"engine='ray' needs Ray, which cannot be imported ({error}): python -m pip install "
            f'"camkit[ray]"'
        ) from error
    return ray


def _start(ray: Any, job: Job) -> None:
    settings: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    address = os.environ.get("RAY_ADDRESS")
    if not address:
        weights = job.explainer.loaded.model.parameters()
        size = sum(weight.numel() * weight.element_size() for weight in weights)
        paths = os.pathsep.join(filter(None, sys.path))
        settings |= {
            "address": "local",  # else Ray joins whatever cluster somebody has started here
            "include_dashboard": False,
            "object_store_memory": _STORE + 2 * size,
            "runtime_env": {"env_vars": {"PYTHONPATH": paths}},
        }
    try:
        with quiet_decoders():  # so is the C code of Ray, which tells of its log level
            ray.init(**settings)
    except Exception as error:
        where = f"at RAY_ADDRESS={address}" if address else "on this machine"
        raise RunError(
            f"cannot use Ray {where}: {said(error)}; start the cluster, or leave RAY_ADDRESS out, "
            f"or take engine='local'"
        ) from error


def _free(whole: dict[str, float], asked: Callable[[], dict[str, float]]) -> dict[str, float]:
    """The free resources, where those of a run that has just ended come back after a while.

    Args:
        whole: the resources of the cluster.
        asked: gives those that are free now.
    """
    kinds = [kind for kind in ("CPU", "GPU") if whole.get(kind, 0) >= 1]
    for step in range(int(_GIVEN_BACK / _STEP)):
        free = asked()
        some = all(free.get(kind, 0) >= 1 for kind in kinds)
        every = all(free.get(kind, 0) >= whole[kind] for kind in kinds)
        if every or (some and step * _STEP >= _PARTLY):
            return free
        time.sleep(_STEP)
    return asked()


def pool_for(whole: dict[str, float], free: dict[str, float], asked: int | None) -> Pool:
    """An actor for each free GPU, or where the cluster has none, for each free core.

    Nothing else of a run needs a core, so that no actor waits for one.

    Args:
        whole: the resources of the cluster.
        free: those that nobody has.
        asked: how many actors somebody wants, at most; None for all.

    Raises:
        RunError: if there is none free: the run would wait for ever.
    """
    kind = "GPU" if whole.get("GPU", 0) >= 1 else "CPU"
    count = int(free.get(kind, 0))
    cores = int(free.get("CPU", 0))
    if not count or not cores:
        lacking = kind if not count else "CPU"
        raise RunError(
            f"the cluster has none of its {int(whole.get(lacking, 0))} {lacking}s free, and would "
            f"wait for ever; end what runs there, or take engine='local'"
        )
    count = min(count, cores, asked or count)
    return Pool(count, 1 if kind == "CPU" else max(1, cores // count), int(kind == "GPU"))


@contextmanager
def data_context() -> Iterator[None]:
    """Ray Data without bars and reports of its own, and with an end to its waiting for actors."""
    import ray.data

    context, logger = ray.data.DataContext.get_current(), logging.getLogger("ray.data")
    changes = {"enable_progress_bars": False, "wait_for_min_actors_s": _WAIT}
    before = {name: getattr(context, name) for name in changes}
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        for name, value in changes.items():
            setattr(context, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(context, name, value)
        logger.setLevel(level)
