"""Tier 1 as a whole: the controls of the scenes, then all networks side by side."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import torch

from ...errors import CamkitWarning, RunError
from ...plugins import get_registry
from ...plugins.method_groups import BASELINES, facts_of, group_of
from .controls import Control, scene_controls
from .networks import WEIGHTS, record_of, trained
from .tier1 import NetworkScores, try_network


def usual_methods() -> list[str]:
    """The methods that are tried if none are named: no baselines, and none that takes hours."""
    rows = get_registry().contributions("method")
    usable = [row for row in rows if not row.status]
    return [row.name for row in usable if group_of(row) != BASELINES and not facts_of(row).costly]


@dataclass(frozen=True)
class Job:
    """One network to be tried."""

    family: str
    methods: tuple[str, ...]
    scenes: int
    folder: Path


def checked_scenes() -> list[Control]:
    """The controls of the scenes.

    Raises:
        RunError: if one fails: then more than the mask tells a class.
    """
    controls = scene_controls()
    failed = [str(control) for control in controls if not control.passed]
    if failed:
        raise RunError(f"scenes have a short cut, so nothing was scored: {'; '.join(failed)}")
    return controls


def try_all(
    families: Sequence[str],
    methods: Sequence[str],
    scenes: int,
    folder: Path = WEIGHTS,
) -> Iterator[tuple[str, NetworkScores]]:
    """Each family with its scores, in the order in which they are ready.

    Args:
        families: of the zoo.
        methods: names of installed methods.
        scenes: how many for each network.
        folder: where the networks' weights are.
    """
    jobs = [Job(family, tuple(methods), scenes, folder) for family in families]
    workers = min(os.cpu_count() or 1, len(jobs))
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        waiting = {pool.submit(_try, job): job for job in jobs}
        for done in as_completed(waiting):
            yield waiting[done].family, done.result()


def records(families: Sequence[str], folder: Path = WEIGHTS) -> dict[str, dict[str, str]]:
    """What the weights file of each family says of its training."""
    return {family: record_of(family, folder) for family in families}


def _try(job: Job) -> NetworkScores:
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CamkitWarning)
        network = trained(job.family, job.folder)
        return try_network(network, job.family, job.methods, job.scenes)
