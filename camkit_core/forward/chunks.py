"""Many runs of a model, a chunk at a time, so that memory does not grow with their number."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..errors import CamkitError

T = TypeVar("T")


def chunk_size(device: torch.device) -> int:
    """How many rows to run at once: few on a CPU, where larger chunks leave its caches."""
    return 8 if device.type == "cpu" else 64


def tail_chunk_size(edit: Tensor) -> int:
    """How many edits of a layer's output to run at once: on a CPU 8 to 128, in 1.5 MB.

    Of larger blocks, the C library gives the memory back after each, and asks for it again.
    """
    if edit.device.type != "cpu":
        return 64
    return max(8, min(128, 3 * 2**19 // (edit.numel() * edit.element_size())))


class Halving(Generic[T]):
    """Runs something on chunks; on half as much at once from when memory runs out.

    Attributes:
        run: what is run.
        most: on how many it is run at once.
    """

    def __init__(self, run: Callable[[Any], T], most: int = sys.maxsize) -> None:
        self.run, self.most = run, most

    def __call__(self, chunk: Any) -> Iterator[T]:
        """What it gives for the parts of a chunk, a tensor or a list."""
        start = 0
        while start < len(chunk):
            part = chunk[start : start + self.most]
            try:
                yield self.run(part)  # without a name, which would keep it during the next run
                start += len(part)
                continue
            except RuntimeError as error:
                if len(part) == 1 or not out_of_memory(error):
                    raise
                self.most = (len(part) + 1) // 2
            torch.cuda.empty_cache()  # after the error, which holds on to what was computed


def stacked(edits: Iterable[Tensor], size: int) -> Iterator[Tensor]:
    """Edits, which are tensors of one shape, in chunks (M, ...) of at most `size`."""
    edits, stack = iter(edits), Halving(torch.stack, size)
    while chunk := list(islice(edits, stack.most)):
        yield from stack(chunk)


def run_in_chunks(
    run: Callable[[Tensor], Tensor], chunks: Iterable[Tensor], total: int, label: str
) -> Tensor:
    """`run` on chunks of edits, its answers concatenated.

    Chunks are taken from the iterable as they are needed and forgotten. When memory runs out, the
    chunk is halved and tried again, and so are those after it. Shows progress after two seconds.

    Args:
        run: from a chunk (M, ...) of edits, which it leaves as it is, to answers (M, ...).
        chunks: as many edits in each as are to be run at once.
        total: how many edits there are.
        label: what the progress bar says.

    Raises:
        CamkitError: if there is another number of edits, or none.
    """
    answers, count, halving = None, 0, Halving(run)
    with _progress(total, label) as bar:
        for chunk in chunks:
            for part in halving(chunk):
                # One tensor for all: small ones, kept between the large ones of each run, would
                # break the memory into pieces too small for the next.
                if answers is None:
                    answers = part.new_empty(total, *part.shape[1:])
                answers[count : count + len(part)] = part[: max(total - count, 0)]
                count += len(part)
            bar.update(len(chunk))
    if answers is None or count != total:
        raise CamkitError(f"expected {total} edits, as total= says, and at least one; got {count}")
    return answers


def one_by_one(items: Iterable[T], total: int, label: str) -> Iterator[T]:
    """The same items; shows progress after two seconds."""
    with _progress(total, label) as bar:
        for item in items:
            yield item
            bar.update()


def _progress(total: int, label: str) -> Any:
    return tqdm(total=total, desc=label, delay=2, disable=None, leave=False)


def out_of_memory(error: RuntimeError) -> bool:
    """Whether memory ran out, on whichever device."""
    said = str(error)
    return isinstance(error, torch.OutOfMemoryError) or any(words in said for words in _NO_MEMORY)


# Of the CPU, of Apple's GPUs, and of the libraries that multiply on Nvidia's.
_NO_MEMORY = ("allocate memory", "out of memory", "STATUS_ALLOC_FAILED")
