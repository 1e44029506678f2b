"""Batches of images of one size, and of images that could not be read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import Any

import torch
from torch import Tensor

Shape = tuple[int, ...]
_HELD = 4  # batches' worth of images of uncommon sizes that wait for more of their size
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


@dataclass(frozen=True, eq=False)
class Batch:
    """Images of one size.

    Attributes:
        ids: N.
        images: (N, C, H, W), prepared.
        labels: N, as the source gives them, or None each.
    """

    ids: tuple[str, ...]
    images: Tensor
    labels: tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, part: slice) -> Batch:
        return Batch(self.ids[part], self.images[part], self.labels[part])

    def pin_memory(self) -> Batch:
        """The same in memory from which a GPU copies while the CPU goes on."""
        return Batch(self.ids, self.images.pin_memory(), self.labels)


@dataclass(frozen=True)
class Unread:
    """Images that could not be read, each with the reason.

    Attributes:
        ids: N.
        errors: N.
        labels: N, or None each.
    """

    ids: tuple[str, ...]
    errors: tuple[str, ...]
    labels: tuple[Any, ...]


@dataclass(frozen=True)
class One:
    """One image, read or not.

    Attributes:
        id: its id.
        image: (C, H, W); None if it could not be read.
        label: as the source gives it.
        error: why it could not be read.
    """

    id: str
    image: Tensor | None
    label: Any = None
    error: str | None = None


@dataclass(frozen=True, eq=False)
class Read:
    """What came of reading some images: batches by size, and those that failed."""

    batches: tuple[Batch, ...]
    unread: Unread | None

    def pin_memory(self) -> Read:
        """The same with its batches in pinned memory."""
        return Read(tuple(batch.pin_memory() for batch in self.batches), self.unread)


def said(error: BaseException) -> str:
    """Kind and text of an error in one line, without addresses of objects."""
    text = _ADDRESS.sub("", " ".join(str(error).split()))
    return shorten(f"{type(error).__name__}: {text}".rstrip(": "), 500, placeholder=" ...")


def gathered(images: Sequence[One]) -> Read:
    """Images that were read together, stacked by size."""
    by_shape: dict[tuple[Shape, torch.dtype], list[One]] = {}
    for one in images:
        if one.image is not None:
            by_shape.setdefault((tuple(one.image.shape), one.image.dtype), []).append(one)
    failed = [one for one in images if one.image is None]
    return Read(tuple(map(_stacked, by_shape.values())), _unread(failed))


def _stacked(images: Sequence[One]) -> Batch:
    tensors = [one.image for one in images if one.image is not None]
    ids, labels = tuple(one.id for one in images), tuple(one.label for one in images)
    return Batch(ids, torch.stack(tensors), labels)


def _unread(failed: Sequence[One]) -> Unread | None:
    if not failed:
        return None
    return Unread(
        tuple(one.id for one in failed),
        tuple(one.error or "" for one in failed),
        tuple(one.label for one in failed),
    )


def by_size(read: Iterable[Read], size: int) -> Iterator[Batch | Unread]:
    """Batches of at most `size` images, those of uncommon sizes filled up before they are given.

    A batch that is full, or all that was read at once, is given as it is. At most some batches'
    worth of images wait.
    """
    waiting: dict[Any, list[Batch]] = {}
    for each in read:
        if each.unread:
            yield each.unread
        if len(each.batches) == 1 and _key(each.batches[0]) not in waiting:
            yield each.batches[0]
            continue
        for batch in each.batches:
            key = _key(batch)
            waiting.setdefault(key, []).append(batch)
            if _count(waiting[key]) >= size:
                yield from _joined(waiting.pop(key), size)
        while sum(map(_count, waiting.values())) > _HELD * size:
            fullest = max(waiting, key=lambda key: _count(waiting[key]))
            yield from _joined(waiting.pop(fullest), size)
    for batches in waiting.values():
        yield from _joined(batches, size)


def _key(batch: Batch) -> Any:
    return tuple(batch.images.shape[1:]), batch.images.dtype


def _count(batches: Sequence[Batch]) -> int:
    return sum(map(len, batches))


def _joined(batches: Sequence[Batch], size: int) -> Iterator[Batch]:
    whole = Batch(
        tuple(name for batch in batches for name in batch.ids),
        torch.cat([batch.images for batch in batches]),
        tuple(label for batch in batches for label in batch.labels),
    )
    for start in range(0, len(whole), size):
        yield whole[start : start + size]
