"""Images read and prepared by worker processes, ahead of the model."""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Callable, Container, Generator, Sequence
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset

from ...errors import ArgumentError, InputError, RunError
from ...image.opencv import opencv
from .batches import One, Read, gathered, said
from .source import Sample, Source, sample_of

_AHEAD = 2  # batches that each worker has ready
_MOST = 16  # workers, where nobody says how many


class Images(Dataset[One]):
    """The images of some ids, each read when it is asked for; an error is a result, too.

    Args:
        ids: a string array of PyArrow.
        read: from an id to a sample.
    """

    def __init__(self, ids: Any, read: Callable[[str], Sample]) -> None:
        self.ids, self.read = ids, read

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> One:
        return read_one(self.ids[index].as_py(), self.read)


def read_one(name: str, read: Callable[[str], Sample]) -> One:
    """One image, read or with its error."""
    try:
        image, label = read(name)
        return One(name, image.detach(), label)
    except Exception as error:  # noqa: BLE001 - whatever a data set raises is of this image
        return One(name, None, error=said(error))


def decoded(
    source: Source, ids: Any, size: int, workers: int, device: torch.device
) -> Generator[Read, None, None]:
    """The images of `ids`, in batches of `size`, read by `workers` processes; 0 reads here.

    Raises:
        RunError: if a worker is killed.
    """
    loader: DataLoader[One] = DataLoader(
        Images(ids, source.read),
        batch_size=size,
        num_workers=workers,
        collate_fn=gathered,
        pin_memory=device.type == "cuda",
        prefetch_factor=_AHEAD if workers else None,
        worker_init_fn=_left_alone if workers else None,
        multiprocessing_context=_context(source) if workers else None,
    )
    try:
        yield from loader
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise RunError(
            f"a process that reads images was killed, as where memory runs out ({said(error)}); "
            f"what was explained is kept: start again with fewer workers or smaller batches"
        ) from error


def usual_workers(device: torch.device) -> int:
    """A worker for each core; on a CPU, which the model needs itself, one for every four."""
    known = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if known else os.cpu_count() or 1
    return max(1, cores // 4) if device.type == "cpu" else min(cores, _MOST)


def _context(source: Source) -> str | None:
    """How workers begin. Forked, they have the source as it is; else it has to be sent to them.

    Raises:
        ArgumentError: if it cannot be sent.
    """
    if sys.platform == "linux" and not source.spawned:
        return "fork"
    try:
        pickle.dumps(source.read)
    except Exception as error:
        raise ArgumentError(
            f"what reads the images cannot be sent to other processes ({said(error)}); read them "
            f"in this one, workers=0, or write transform= as a function of a module"
        ) from error
    return "spawn"


def _left_alone(number: int) -> None:
    """Ctrl-C is for the process that explains, which ends its workers itself; and a worker has the
    threads of OpenCV no more, once it is forked."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    opencv().setNumThreads(0)


def left_of(
    loader: Any, done: Container[str], belongs: Callable[[str], bool]
) -> Generator[Read, None, None]:
    """The batches of a loader that puts them together itself, without images that are done.

    Args:
        loader: torch's.
        done: the numbers of images that are done, as texts.
        belongs: whether an image is of this run.

    Raises:
        RunError: if the loader fails and cannot go on.
    """
    batches, start = iter(loader), 0
    while True:
        try:
            items = next(batches)
        except StopIteration:
            return
        except Exception as error:  # noqa: BLE001 - as above
            count = _lost(loader, start, error)
            ones = [One(str(start + each), None, error=said(error)) for each in range(count)]
        else:
            ones = _taken_apart(items, start)
        start += len(ones)
        yield gathered([one for one in ones if one.id not in done and belongs(one.id)])


def _lost(loader: Any, start: int, error: Exception) -> int:
    """How many images a batch had that could not be made; their numbers are taken."""
    if isinstance(loader.dataset, IterableDataset) or not loader.batch_size:
        raise RunError(
            f"the DataLoader stopped after {start} images ({said(error)}), and cannot go on: what "
            f"it iterates over has no indices; what was explained is kept"
        ) from error
    return min(int(loader.batch_size), len(loader.dataset) - start)


def _taken_apart(items: Any, start: int) -> list[One]:
    images, labels = sample_of(items, None)
    if images.ndim < 3:
        raise InputError(
            f"expected batches (N, C, H, W) from the DataLoader, got {tuple(images.shape)}"
        )
    given: Sequence[Any] = [None] * len(images) if labels is None else labels
    return [
        One(str(start + number), image, label)
        for number, (image, label) in enumerate(zip(images, given, strict=False))
    ]
