"""The random states of torch, numpy and Python as they were, to be put back."""

from __future__ import annotations

import ctypes
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import nn

_BYTES = 2500  # of the state of a Mersenne twister: 624 words and the position in them

_READABLE = (  # Python's generator: an object's head, and then its state
    sys.implementation.name == "cpython"
    and random.Random.__basicsize__ >= object.__basicsize__ + _BYTES
)


@contextmanager
def preserving_rng(model: nn.Module | None = None) -> Iterator[None]:
    """Put the random states of torch (CPU and the model's device), numpy and Python back."""
    python, numpy, cpu = _PYTHON.kept(), _NUMPY.kept(), torch.get_rng_state()
    device = _gpu(model) if model is not None and _cuda_runs() else None
    gpu = None if device is None else torch.cuda.get_rng_state(device)
    try:
        yield
    finally:
        _PYTHON.put_back(*python)
        _NUMPY.put_back(*numpy)
        torch.set_rng_state(cpu)
        if device is not None and gpu is not None:
            torch.cuda.set_rng_state(gpu, device)


def _cuda_runs() -> bool:
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


def _gpu(model: nn.Module) -> torch.device | None:
    parameter = next(model.parameters(), None)
    return parameter.device if parameter is not None and parameter.is_cuda else None


class _Twister:
    """The global Mersenne twister of numpy or of Python.

    Both read and write it number by number, which takes a percent of a small model's time, so
    that is done only when its memory says that something was drawn.

    Args:
        get: its state.
        put: set its state.
        memory: where that lies, as it is now; empty where it is not known.
        as_memory: how a state lies there; empty if something of it lies elsewhere.
    """

    def __init__(
        self,
        get: Callable[[], Any],
        put: Callable[[Any], None],
        memory: Callable[[], bytes],
        as_memory: Callable[[Any], bytes],
    ) -> None:
        self.get, self.put, self.memory, self.as_memory = get, put, memory, as_memory
        self._last: tuple[bytes, Any] = b"", None

    def kept(self) -> tuple[bytes, Any]:
        """Its memory and its state; the memory empty if that does not tell the state."""
        memory = self.memory()
        if not memory or memory != self._last[0]:
            state = self.get()
            self._last = (memory if memory == self.as_memory(state) else b""), state
        return self._last

    def put_back(self, memory: bytes, state: Any) -> None:
        """Set the state, if it is another now, or might be."""
        if not memory or self.memory() != memory:
            self.put(state)


@lru_cache(maxsize=8)
def _at(address: int) -> ctypes.Array[ctypes.c_char]:
    return (ctypes.c_char * _BYTES).from_address(address)


def _numpy_memory() -> bytes:
    generator = np.random.mtrand.get_bit_generator()
    if type(generator) is not np.random.MT19937:
        return b""
    return _at(generator.ctypes.state_address).raw


def _as_numpy_memory(state: dict[str, Any]) -> bytes:
    # A normal number in reserve lies elsewhere, and would be drawn without a trace.
    if state["bit_generator"] != "MT19937" or state["has_gauss"]:
        return b""
    inner = state["state"]
    return inner["key"].tobytes() + np.int32(inner["pos"]).tobytes()  # type: ignore[no-any-return]


def _python_memory() -> bytes:
    generator = random.getstate.__self__  # type: ignore[attr-defined]
    if not _READABLE or generator.gauss_next is not None:
        return b""
    return _at(id(generator) + object.__basicsize__).raw


def _as_python_memory(state: Any) -> bytes:
    *words, position = state[1]
    return np.int32(position).tobytes() + np.array(words, np.uint32).tobytes()


_NUMPY = _Twister(
    lambda: np.random.get_state(legacy=False), np.random.set_state, _numpy_memory, _as_numpy_memory
)
_PYTHON = _Twister(random.getstate, random.setstate, _python_memory, _as_python_memory)
