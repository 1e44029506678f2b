"""numpy's global random state, read and set in full only after something was drawn.

numpy reads and sets it number by number, which takes 130 microseconds: 1.3 % of the benchmark's row
"mnasnet1_0, gradcam" on a CPU (10 ms), and 4 % of "resnet18, gradcam" on a GPU (3 ms). To compare
the generator's memory with that of the last call takes 5. The way to that memory takes longer, so
it is kept.
"""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple

import numpy as np

_BYTES = 2500  # of a Mersenne twister: 624 words, and the position in them


class NumpyState(NamedTuple):
    """The global generator's state.

    Attributes:
        memory: the bytes that numpy keeps it in; empty if they are not the whole state.
        values: the same as `np.random.set_state` takes it.
    """

    memory: bytes
    values: dict[str, Any]


_last = NumpyState(b"", {})
_place: tuple[Any, Any] = None, None  # the generator, and its memory


def numpy_state() -> NumpyState:
    """The state as it is now; that of the last call, if the memory is the same."""
    global _last
    state, memory = _last, _memory()
    if not memory or memory != state.memory:
        values: Any = np.random.get_state(legacy=False)
        state = _last = NumpyState(memory if memory == _as_memory(values) else b"", values)
    return state


def set_numpy_state(state: NumpyState) -> None:
    """Put a state back, unless the memory says that it is in place."""
    if not state.memory or _memory() != state.memory:
        np.random.set_state(state.values)


def _memory() -> bytes:
    global _place
    generator = np.random.mtrand.get_bit_generator()
    if generator is not _place[0]:
        _place = generator, _memory_of(generator)
    generator, memory = _place
    return b"" if memory is None else bytes(memory.raw)


def _memory_of(generator: Any) -> Any:
    if type(generator) is not np.random.MT19937:
        return None
    return (ctypes.c_char * _BYTES).from_address(generator.ctypes.state_address)


def _as_memory(values: dict[str, Any]) -> bytes:
    """The bytes in which numpy keeps these values; empty if it keeps some of them elsewhere."""
    # A normal number in reserve is kept elsewhere: drawing it would leave these bytes the same.
    if values["bit_generator"] != "MT19937" or values["has_gauss"]:
        return b""
    twister = values["state"]
    return twister["key"].tobytes() + np.int32(twister["pos"]).tobytes()  # type: ignore[no-any-return]
