"""Many runs of a model, a chunk at a time, so that memory does not grow with their number."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..errors import ArgumentError

T = TypeVar("T")
_off: ContextVar[bool] = ContextVar("off", default=False)
DELAY = 2.0  # seconds


def chunk_size(device: torch.device) -> int:
    """How many rows to run at once: few on a CPU, where larger chunks leave its caches."""
    return 8 if device.type == "cpu" else 64


def tail_chunk_size(edit: Tensor) -> int:
    """How many edits of a layer's output to run at once: on a CPU 8 to 128, in 1.5 MB.

    The C library returns larger blocks of memory to the system after each run and asks for them
    again before the next, which takes time.
    """
    if edit.device.type != "cpu":
        return 64
    return max(8, min(128, 3 * 2**19 // (edit.numel() * edit.element_size())))


class Halving(Generic[T]):
    """Runs a function on chunks; whenever memory runs out, on half as many items at once.

    Attributes:
        run: the function.
        most: how many items it gets at once.
    """

    def __init__(self, run: Callable[[Any], T], most: int = sys.maxsize) -> None:
        self.run, self.most = run, most

    def __call__(self, chunk: Any) -> Iterator[T]:
        """The function's results for the parts of a chunk, which is a tensor or a list."""
        start = 0
        while start < len(chunk):
            part = chunk[start : start + self.most]
            try:
                yield self.run(part)  # a name for it would keep its memory during the next run
                start += len(part)
                continue
            except RuntimeError as error:
                if len(part) == 1 or not out_of_memory(error):
                    raise
                self.most = (len(part) + 1) // 2
            torch.cuda.empty_cache()  # after `except`, as the error holds what was computed


def stacked(edits: Iterable[Tensor], size: int) -> Iterator[Tensor]:
    """Edits, which are tensors of one shape, in chunks (M, ...) of at most `size`."""
    edits, stack = iter(edits), Halving(torch.stack, size)
    while chunk := list(islice(edits, stack.most)):
        yield from stack(chunk)


def run_in_chunks(
    run: Callable[[Tensor], Tensor], chunks: Iterable[Tensor], total: int, label: str
) -> Tensor:
    """The results of `run` on chunks of edits, concatenated.

    Each chunk is taken from the iterable when it is needed, and then forgotten. When memory runs
    out, this chunk and all later ones are run in halves. Shows progress after two seconds.

    Args:
        run: from a chunk (M, ...) of edits, which it leaves as it is, to results (M, ...).
        chunks: each holds as many edits as are to be run at once.
        total: how many edits there are.
        label: what the progress bar says.

    Raises:
        ArgumentError: if there is another number of edits, or none.
    """
    results, count, halving = None, 0, Halving(run)
    with bar(total=total, label=label) as shown:
        for chunk in chunks:
            for part in halving(chunk):
                # One tensor for all results. Small tensors, kept between the large ones of each
                # run, would break the memory into pieces that are too small for the next run.
                if results is None:
                    results = part.new_empty(total, *part.shape[1:])
                results[count : count + len(part)] = part[: max(total - count, 0)]
                count += len(part)
            shown.update(len(chunk))
    if results is None or count != total:
        raise ArgumentError(
            f"expected {total} edits, as total= says, and at least one; got {count}"
        )
    return results


def one_by_one(items: Iterable[T], total: int, label: str) -> Iterator[T]:
    """The same items; shows progress after two seconds."""
    with bar(total=total, label=label) as shown:
        for item in items:
            yield item
            shown.update()


def bar(
    items: Iterable[Any] | None = None,
    *,
    total: int | None = None,
    label: str | None = None,
    unit: str = "it",
    delay: float = DELAY,
) -> Any:
    """A bar of tqdm, which goes away in the end.

    Args:
        items: what is gone through; None where `update` tells of each step.
        total: how many steps there are; None for as many as items.
        label: what stands before it.
        unit: what a step is.
        delay: seconds before it is shown.
    """
    settings = {"total": total, "desc": label, "unit": unit, "delay": delay}
    return tqdm(items, **settings, leave=False, disable=_disabled())


def _disabled() -> bool | None:
    """True for never; None for only where stderr is no terminal."""
    asked = os.environ.get("TQDM_DISABLE", "").lower() not in ("", "0", "false")
    return True if asked or _off.get() else None


@contextmanager
def without_bars() -> Iterator[None]:
    """Inside, no bar is shown in this thread."""
    token = _off.set(True)
    try:
        yield
    finally:
        _off.reset(token)


def out_of_memory(error: Exception) -> bool:
    """Whether the error says that memory ran out, on any device."""
    message = str(error)
    return isinstance(error, torch.OutOfMemoryError) or any(
        words in message for words in _NO_MEMORY
    )


# In the errors of the CPU, of Apple's GPUs, and of the libraries that multiply on Nvidia's GPUs.
_NO_MEMORY = ("allocate memory", "out of memory", "STATUS_ALLOC_FAILED")
