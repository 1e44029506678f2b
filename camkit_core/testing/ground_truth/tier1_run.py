"""Tier 1 as a whole: controls of the scenes, networks trained or shipped, trials side by side."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import product
from multiprocessing import get_context
from pathlib import Path

import torch

from ...errors import CamkitError, CamkitWarning
from .controls import Control, scene_controls
from .networks import WEIGHTS, record_of, trained
from .tier0 import installed
from .tier1 import NetworkScores, try_network

LEFT_OUT = ("sscam", "iscam", "randomcam")  # of hours, and a baseline in any case


def usual_methods() -> list[str]:
    """The installed methods that are tried if none are named."""
    return [name for name in installed() if name not in LEFT_OUT]


@dataclass(frozen=True)
class Job:
    """One network to be tried."""

    family: str
    seed: int
    methods: tuple[str, ...]
    scenes: int
    folder: Path


def checked_scenes() -> list[Control]:
    """The controls of the scenes.

    Raises:
        CamkitError: if one fails: then a mask is not all that tells a class.
    """
    controls = scene_controls()
    failed = [str(one) for one in controls if not one.passed]
    if failed:
        raise CamkitError(f"scenes have a short cut, so nothing was scored: {'; '.join(failed)}")
    return controls


def try_all(
    families: Sequence[str],
    methods: Sequence[str],
    scenes: int,
    seeds: int = 1,
    folder: Path = WEIGHTS,
) -> Iterator[tuple[str, int, NetworkScores]]:
    """Each family and seed with its trial, as they are done.

    Args:
        families: of the zoo.
        methods: names of installed methods.
        scenes: how many for each network.
        seeds: networks of each family.
        folder: where their weights are.
    """
    jobs = [
        Job(family, seed, tuple(methods), scenes, folder)
        for seed, family in product(range(seeds), families)
    ]
    workers = min(os.cpu_count() or 1, len(jobs))
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        waiting = {pool.submit(_try, job): job for job in jobs}
        for done in as_completed(waiting):
            job = waiting[done]
            yield job.family, job.seed, done.result()


def records(families: Sequence[str], seeds: int, folder: Path) -> dict[str, list[dict[str, str]]]:
    """What the weights files say of their training."""
    return {one: [record_of(one, seed, folder) for seed in range(seeds)] for one in families}


def _try(job: Job) -> NetworkScores:
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CamkitWarning)
        network = trained(job.family, job.seed, job.folder)
        return try_network(network, job.family, job.methods, job.scenes)
