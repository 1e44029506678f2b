"""The random states of torch, numpy and Python as they were, to be put back."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from .numpy_state import numpy_state, set_numpy_state


@contextmanager
def preserving_rng(model: nn.Module | None = None) -> Iterator[Callable[[], None]]:
    """Put the random states of torch (CPU and the model's device), numpy and Python back.

    Gives a function that does so earlier, too.
    """
    python, numpy, cpu = random.getstate(), numpy_state(), torch.get_rng_state()
    device = _gpu(model) if model is not None and _cuda_runs() else None
    gpu = None if device is None else torch.cuda.get_rng_state(device)

    def put_back() -> None:
        random.setstate(python)
        set_numpy_state(numpy)
        torch.set_rng_state(cpu)
        if device is not None and gpu is not None:
            torch.cuda.set_rng_state(gpu, device)

    try:
        yield put_back
    finally:
        put_back()


def noise_like(tensor: Tensor) -> Tensor:
    """Numbers from 0 to 1, always the same for a shape; the process's random states stay.

    Another thread may draw from those states, or may have noted them to put them back.
    """
    noise = torch.empty_like(tensor, device="cpu")
    return noise.uniform_(generator=torch.Generator().manual_seed(0)).to(tensor.device)


def _cuda_runs() -> bool:
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


def _gpu(model: nn.Module) -> torch.device | None:
    parameter = next(model.parameters(), None)
    return parameter.device if parameter is not None and parameter.is_cuda else None
