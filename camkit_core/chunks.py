"""Many runs of a model, a chunk at a time, so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import torch
from torch import Tensor
from tqdm.auto import tqdm


def chunk_size(device: torch.device) -> int:
    """How many rows to run at once: few on a CPU, where larger chunks leave its caches."""
    return 8 if device.type == "cpu" else 64


def tail_chunk_size(edit: Tensor) -> int:
    """How many edits of a layer's output to run at once: as many as a cache holds, 8 to 256."""
    if edit.device.type != "cpu":
        return 64
    return max(8, min(256, 2**22 // (edit.numel() * edit.element_size())))


def run_in_chunks(
    run: Callable[[Tensor], Tensor], edits: Iterable[Tensor], size: int, total: int, label: str
) -> Tensor:
    """`run` on stacks of at most `size` edits, its answers concatenated.

    Edits are taken from the iterable as they are needed and forgotten after their chunk. When
    memory runs out, the chunk is halved and tried again. Shows progress after two seconds.

    Args:
        run: from a stack (M, ...) of edits to answers (M, ...).
        edits: tensors of one shape.
        size: rows in a chunk.
        total: how many edits there are, for the progress bar.
        label: what the progress bar says.
    """
    answers: list[Tensor] = []
    edits = iter(edits)
    with tqdm(total=total, desc=label, delay=2, disable=None, leave=False) as bar:
        while block := list(islice(edits, size)):
            answers += _halving(run, torch.stack(block))
            bar.update(len(block))
    return torch.cat(answers)


def _halving(run: Callable[[Tensor], Tensor], block: Tensor) -> Iterator[Tensor]:
    try:
        yield run(block)
        return
    except torch.OutOfMemoryError:
        if len(block) == 1:
            raise
    torch.cuda.empty_cache()
    for half in block.chunk(2):
        yield from _halving(run, half)
