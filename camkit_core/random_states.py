"""The random states of torch, numpy and Python as they were, to be put back."""

from __future__ import annotations

import ctypes
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

_BYTES = 2500  # of the state of a Mersenne twister: 624 words and the position in them


@contextmanager
def preserving_rng(model: nn.Module | None = None) -> Iterator[None]:
    """Put the random states of torch (CPU and the model's device), numpy and Python back."""
    python, numpy, cpu = random.getstate(), _NumpyState(), torch.get_rng_state()
    device = _gpu(model) if model is not None and _cuda_runs() else None
    gpu = None if device is None else torch.cuda.get_rng_state(device)
    try:
        yield
    finally:
        random.setstate(python)
        numpy.restore()
        torch.set_rng_state(cpu)
        if device is not None and gpu is not None:
            torch.cuda.set_rng_state(gpu, device)


def _cuda_runs() -> bool:
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


def _gpu(model: nn.Module) -> torch.device | None:
    parameter = next(model.parameters(), None)
    return parameter.device if parameter is not None and parameter.is_cuda else None


class _NumpyState:
    """The state of numpy's global generator.

    numpy reads and writes it number by number, which takes a percent of a small model's time, so
    that is done only when its memory says that something was drawn.
    """

    _last: tuple[bytes, dict[str, Any]] | None = None

    def __init__(self) -> None:
        self._memory = _memory()
        last = _NumpyState._last
        if last is not None and last[0] == self._memory:
            self._state = last[1]
            return
        self._state = np.random.get_state(legacy=False)
        # A normal number in reserve lies elsewhere, and would be drawn without a trace.
        told = _tells(self._memory, self._state) and not self._state["has_gauss"]
        self._memory = self._memory if told else b""
        _NumpyState._last = (self._memory, self._state) if told else None

    def restore(self) -> None:
        if not self._memory or _memory() != self._memory:
            np.random.set_state(self._state)


def _memory() -> bytes:
    generator = np.random.mtrand.get_bit_generator()
    if type(generator) is not np.random.MT19937:
        return b""
    return ctypes.string_at(generator.ctypes.state_address, _BYTES)


def _tells(memory: bytes, state: dict[str, Any]) -> bool:
    """Whether that memory is this state, as numpy lays it out today."""
    inner = state["state"]
    expected = inner["key"].tobytes() + np.int32(inner["pos"]).tobytes() if memory else None
    return memory == expected
