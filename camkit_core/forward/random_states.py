"""The random states of torch, numpy and Python as they were, to be put back."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from .numpy_state import numpy_state, set_numpy_state


@contextmanager
def preserving_rng() -> Iterator[Callable[[], None]]:
    """Put the random states of torch (CPU and all other devices), numpy and Python back.

    Gives a function that does so earlier, too.
    """
    python, numpy, cpu = random.getstate(), numpy_state(), torch.get_rng_state()
    devices = _of_devices()

    def put_back() -> None:
        random.setstate(python)
        set_numpy_state(numpy)
        torch.set_rng_state(cpu)
        for set_states, states in devices:
            set_states(states)

    try:
        yield put_back
    finally:
        to_the_end(put_back)


def to_the_end(undo: Callable[[], Any]) -> None:
    """Undo something, and begin anew where an interrupt cuts it off; it is raised in the end."""
    try:
        undo()
    except Exception:
        raise
    except BaseException:
        undo()
        raise


def noise_like(tensor: Tensor) -> Tensor:
    """Numbers from 0 to 1, always the same for a shape; the process's random states stay.

    Another thread may draw from those states, or may have noted them to put them back.
    """
    noise = torch.empty_like(tensor, device="cpu")
    return noise.uniform_(generator=torch.Generator().manual_seed(0)).to(tensor.device)


def _of_devices() -> list[tuple[Callable[[Any], None], Any]]:
    """The states of the devices that torch has begun to use, each with what sets it."""
    states: list[tuple[Callable[[Any], None], Any]] = [
        (kind.set_rng_state_all, kind.get_rng_state_all())
        for kind in (torch.cuda, torch.xpu)
        if kind.is_initialized()
    ]
    if torch.backends.mps.is_available():
        states.append((torch.mps.set_rng_state, torch.mps.get_rng_state()))
    return states
